"""What models write: characters, or word pieces of the training transcripts.

Word pieces are byte pair encodings (R. Sennrich, B. Haddow and A. Birch, 2016), by sentencepiece.
It is needed to train alone: a model holds its tokens as text, `▁` for the space before a word.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sordino.errors import InputError
from sordino.extras import needs
from sordino.speech.text import Speller
from sordino.train.recipes.recipe import NetworkRecipe

__all__ = ["BLANK", "CHARACTERS", "TOKENS", "TokenSet", "make_tokens"]

TOKENS = ("<blank>", " ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "'")
"""The characters that models write."""
BLANK = 0
_NUMBERS = {text: number for number, text in enumerate(TOKENS) if number != BLANK}
_LETTERS = "".join(TOKENS[2:])


@dataclass(frozen=True, eq=False)
class TokenSet:
    """Texts to tokens and back.

    names     text of every token, the blank first
    between   the tokens between two texts that are written as one
    numbers   the tokens of a text in capitals, letters and apostrophes with single spaces
    """

    names: tuple[str, ...]
    between: tuple[int, ...]
    numbers: Callable[[str], Sequence[int]]

    def encode(self, text: str, where: str) -> tuple[int, ...]:
        """Tokens of a text; InputError for characters that models cannot write."""
        if unknown := sorted(set(text) - _NUMBERS.keys()):
            raise InputError(
                f"wanted transcripts of A to Z, apostrophe and space, got {unknown[0]!r} in "
                f"{where}; spell it out"
            )
        return tuple(self.numbers(text))

    def spell(self, tokens: Iterable[int]) -> str:
        """The words that tokens are."""
        return self.speller.text(tokens)

    @cached_property
    def speller(self) -> Speller:
        """A `Speller` of what the tokens can write."""
        return Speller(self.names, BLANK)


CHARACTERS = TokenSet(TOKENS, (_NUMBERS[" "],), lambda text: [_NUMBERS[c] for c in text])


def make_tokens(recipe: NetworkRecipe, texts: Iterable[str]) -> TokenSet:
    """The recipe's token set; word pieces are chosen by the training transcripts `texts`.

    The same texts give the same pieces. Raises InputError without sentencepiece, and for more
    pieces than the texts have.
    """
    if recipe.tokens == "characters":
        return CHARACTERS
    with needs("making word pieces"):
        import sentencepiece
    written: Any = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            vocab_size=recipe.token_count,
            model_type="bpe",
            # Any letter can be written, also one that nobody says while training.
            required_chars=_LETTERS,
            character_coverage=1.0,
            unk_id=BLANK,  # its place is the blank's
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = " ".join(str(error).rpartition("]")[2].split())
        raise InputError(
            f"wanted {recipe.pieces} word pieces and the blank of these transcripts, "
            f"sentencepiece says: {reason}"
        ) from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = [processor.id_to_piece(n) for n in range(processor.get_piece_size())]
    return TokenSet((TOKENS[BLANK], *pieces[1:]), (), processor.encode)
