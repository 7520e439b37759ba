"""A recogniser: samples in as they are heard, events out as soon as there is something to say."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError, warn
from sordino.image.image import Image
from sordino.recogniser.decoding import Beam, Decoding, Greedy, expect_image
from sordino.recogniser.ends import PADDING, EndOptions, EndRule
from sordino.recogniser.events import Ended, Event, Final, Partial
from sordino.recogniser.utterances import Utterances
from sordino.speech.doubts import Likeness, doubts_of_audio, doubts_of_input
from sordino.speech.feature_stream import frames_of
from sordino.speech.features import ADD_FEATURES, FeatureDefinition
from sordino.speech.files.level import Audio
from sordino.speech.files.running_level import RunningLevel
from sordino.speech.input_stream import CepstraStream, InputStream, as_samples
from sordino.speech.transcript import speller_of, text_of, width_of

__all__ = ["Recogniser"]

_SAMPLES, _FRAMES = 1 << 18, 1 << 11
"""Samples and frames of cepstra that are heard at once: what a cut makes anew is no more."""


class Recogniser:
    """Hears one utterance after the other, in pieces of any size.

    What it says depends on what was said alone: pieces of one sample, none or all of a recording
    give the same events, and a file gives them, too. Events of an utterance end with one `Final`.
    What refuses a piece raises InputError and has not heard it; the utterance goes on.

    Where it cuts an utterance out, the next one is heard as a recording that begins there: the
    machine's memories are cleared, and the features' running mean begins anew. The mean goes on
    where the image's end-pointer has the encoder keep its state, and in vectors, of which nobody
    knows the cepstra. A mean over the whole utterance is one over all that is behind the cut.

    Example
    -------
    A microphone that gives pieces of 16-bit samples::

        recogniser = Recogniser(Image.load("model.sordino"))
        for piece in microphone:
            for event in recogniser.push(piece):
                print(event.seconds, event.text)
        print(recogniser.finish()[-1].text)

    Parameters
    ----------
    image
        What recognises.
    decoding
        How and on which engine: `Greedy`, on the exact machine, if none is given, or `Beam`.
    rate
        Samples a second of what is pushed; None: as the model hears.
    ends
        How it looks for the ends of utterances; None: what is pushed up to `finish` is one. Else
        there is an `Ended` for each, and speculative events before; see docs/endpoints.md.
    """

    def __init__(
        self,
        image: Image,
        decoding: Decoding | None = None,
        *,
        rate: int | None = None,
        ends: EndOptions | None = None,
    ) -> None:
        expect_image(image)
        if decoding is not None:
            _expect_decoding(decoding, image)
        self.image, self.rate = image, rate
        self.decoding: Decoding = Greedy(image) if decoding is None else decoding
        self.definition = None
        if image.host.features is not None:
            self.definition = FeatureDefinition.of_image(image)
            InputStream(self.definition, rate)  # says what is wrong with a rate
        elif rate is not None:
            raise InputError(
                f"wanted no rate for an image without feature definition, got {rate!r}; "
                f"{ADD_FEATURES}"
            )
        self._utterances = None if ends is None else self._cutting(ends)
        self.vectors = 0
        """Input vectors of what was pushed so far, or up to the last `finish`."""
        self.audio: Audio | None = None
        """What the last utterance's samples were like; None for cepstra and vectors."""
        self.saturated = 0.0
        """Share of the last utterance's int8 input at -128 or 127, as it was heard."""
        self.like = Likeness()
        """How like the last utterance's samples were to what the model was trained on."""
        self.doubts: tuple[str, ...] = ()
        """Why nothing good may come of the last utterance; `finish` warns of it."""
        self._begin()

    def _cutting(self, ends: EndOptions) -> Utterances:
        """What cuts utterances out; InputError where the decoding cannot be asked."""
        if not isinstance(ends, EndOptions):
            raise InputError(f"wanted EndOptions for ends, got {type(ends).__name__}; make some")
        definition, vector_ms = self.definition, None
        if definition is not None:
            vector_ms = 1000 * definition.stack / definition.front_end.frame_rate
        rule = EndRule(self.image, ends, vector_ms)
        names = ("decided", "guess", "lattice", "wrote", *(("follow",) if rule.keeps else ()))
        if not all(hasattr(self.decoding, name) for name in names):
            raise InputError(
                "wanted a decoding that tells of ends, Greedy or Beam, got "
                f"{type(self.decoding).__name__}; leave ends out"
            )
        if isinstance(self.decoding, Beam):
            self.decoding.scouts, self.decoding.asks = True, rule.asks
        return Utterances(rule, self.decoding, speller_of(self.image))

    def _begin(self) -> None:
        self._stream: InputStream | CepstraStream | None = None
        self._kind: str | None = None
        self._level: RunningLevel | None = None
        self._decoded, self._at_end, self._said = False, False, False
        self._saturated = self._values = 0
        self._any, self._heard = False, np.zeros((0, 0), np.int8)
        if self._utterances is not None:
            self._utterances.ended = 0

    def push(self, samples: ArrayLike) -> list[Event]:
        """Hear samples (n,), int16 or floats with 1.0 as full scale; what there is to say of them.

        Raises InputError for other samples, and where the image does not say what its features
        are.
        """
        definition = self._known("samples")
        heard = as_samples(samples)
        self._expect("samples")
        if self._stream is None:
            stream = self._stream = InputStream(definition, self.rate)
            self._level = RunningLevel(stream.rate)
            if stream.waits:
                warn(
                    "the model's features need the mean of the whole utterance: its words come at "
                    "the end; train with mean_over = 'running' to have them sooner"
                )
        events: list[Event] = []
        assert self._level is not None
        for piece in _pieces(heard, self._stream, _SAMPLES):
            vectors = self._stream.push(piece)
            self._level.add(piece)
            events += self._decode(vectors)
        return events

    def push_cepstra(self, cepstra: ArrayLike) -> list[Event]:
        """Hear cepstra (n, cepstra), or one frame (cepstra,), as files hold them.

        The events are those of the samples that they were made of. Where the features need the mean
        of the whole utterance, all of them come at `finish`. An utterance is samples, cepstra or
        vectors. Raises InputError for others, and where the image does not say what its features
        are.
        """
        definition = self._known("cepstra")
        frames = frames_of(cepstra, definition)
        self._expect("cepstra")
        if self._stream is None:
            self._stream = CepstraStream(definition)
        events: list[Event] = []
        for piece in _pieces(frames, self._stream, _FRAMES):
            events += self._decode(self._stream.push(piece))
        return events

    def _known(self, kind: str) -> FeatureDefinition:
        """What the features are; InputError where the image does not say so."""
        if self.definition is None:
            raise InputError(
                f"the image holds no feature definition and needs int8 vectors, got {kind}; "
                f"{ADD_FEATURES}"
            )
        return self.definition

    def push_vectors(self, vectors: NDArray[np.int8]) -> list[Event]:
        """Hear input vectors (n, dim) int8, as `sordino.speech.inputs` makes them of files.

        An utterance is samples, cepstra or vectors. Raises InputError for others.
        """
        width = width_of(self.image)
        if not isinstance(vectors, np.ndarray):
            raise InputError(
                f"wanted int8 vectors of shape (n, {width}), got {type(vectors).__name__}; make "
                "them with sordino.speech.inputs"
            )
        if vectors.ndim != 2 or vectors.shape[1] != width or vectors.dtype != np.int8:
            raise InputError(
                f"wanted int8 vectors of shape (n, {width}), got {vectors.dtype} of shape "
                f"{vectors.shape}; make them with sordino.speech.inputs"
            )
        self._expect("vectors", begins=len(vectors) > 0)
        return self._decode(vectors)

    def finish(self) -> list[Event]:
        """End the utterance; what there is still to say, with a `Final` at the end.

        The next piece begins another utterance.
        """
        events: list[Event] = []
        if self._stream is not None:
            events += self._decode(self._stream.end())
        if not self._said:
            events += self._end()
        self._doubt()
        self._begin()
        return events

    def _expect(self, kind: str, *, begins: bool = True) -> None:
        """InputError where what is pushed so far is of another kind."""
        if self._kind not in (None, kind):
            raise InputError(
                f"wanted an utterance of samples, of cepstra or of vectors, got {self._kind} and "
                f"{kind}; finish it between them"
            )
        if begins:
            self._kind = kind

    def _decode(self, vectors: NDArray[np.int8]) -> list[Event]:
        """The events of vectors, one by one: the words are those up to each.

        Behind a cut the rest of them is made anew.
        """
        events: list[Event] = []
        self._saturated += _saturated(vectors)
        self._values += vectors.size
        while len(vectors) and not self._said:
            vector, vectors = vectors[:1], vectors[1:]
            self._start()
            changed = self.decoding.step(vector)
            self.vectors += 1
            if changed:
                events.append(self._partial())
            if not self.decoding.running:
                events += self._end()
            elif self._utterances is not None:
                self._heard = vector.copy()
                events += self._look(self._utterances)
                if not self._decoded and not self._utterances.rule.keeps:
                    vectors = self._anew(vectors)
        return events

    def _anew(self, vectors: NDArray[np.int8]) -> NDArray[np.int8]:
        """The vectors that are left, as an utterance begins with them."""
        if self._stream is None:
            return vectors
        made = self._stream.anew(len(vectors))
        self._saturated += _saturated(made) - _saturated(vectors)
        return made

    def _start(self) -> None:
        """Begin an utterance, where none is in progress."""
        if self._decoded:
            return
        if self._any and self._utterances is not None and self._utterances.rule.keeps:
            self.decoding.follow()
        else:
            self.decoding.begin()
        if not self._any:
            self.vectors = 0
        self._decoded = self._any = True
        if self._utterances is not None:
            self._utterances.start(self.vectors)

    def _partial(self) -> Partial:
        tokens = tuple(self.decoding.tokens)
        return Partial(**self._place(), text=self._text(tokens), tokens=tokens)

    def _look(self, utterances: Utterances) -> list[Event]:
        """What is sent where a likely end was none, the end is likely, or the utterance ends."""
        decoding, rule = self.decoding, utterances.rule
        events = list(utterances.undo(decoding.wrote, self._place()))
        likely, reason = rule.decide(decoding.wrote, decoding.decided)
        if reason is None and likely:
            return [*events, *utterances.speculate(self._place())]
        if reason is None and rule.long:
            reason = "longest"
        return events if reason is None else [*events, *self._cut(utterances, reason)]

    def _cut(self, utterances: Utterances, reason: str) -> list[Event]:
        """End an utterance; the next vector begins another one.

        Where nothing was said for as long as an utterance may be, nobody has to know.
        """
        self.decoding.finish()
        self._decoded = False
        if reason == "longest" and not self.decoding.tokens:
            return []
        begin = self._place(utterances.begin)["seconds"]
        return list(utterances.end(self._place(), begin, reason))

    def _end(self) -> list[Event]:
        """End what is pushed."""
        self._said = True
        if self._utterances is not None and self._any:
            return self._last(self._utterances)
        if not self._any:
            self.vectors = 0
            nothing: dict[str, Any] = {**self._place(), "text": "", "tokens": ()}
            if self._utterances is None:
                return [Final(**nothing)]
            return [Ended(**nothing, reason="end", utterance=0, begin=nothing["seconds"])]
        self.decoding.finish()
        tokens = tuple(self.decoding.tokens)
        text, error = text_of(self.image, tokens), self.decoding.error
        return [Final(**self._place(), text=text, tokens=tokens, error=error)]

    def _last(self, utterances: Utterances) -> list[Event]:
        """End the last utterance, behind its last vector heard on, if it says anything.

        Where nothing was said at all, that is said.
        """
        events: list[Event] = []
        if self._decoded and self.decoding.running:
            for _ in range(PADDING if len(self._heard) else 0):
                if self.decoding.step(self._heard):
                    events.append(self._partial())
        if not self._decoded:
            if utterances.ended:
                return []
            self._start()
        elif utterances.ended and not self._says_more():
            self.decoding.finish()
            return []
        return events + self._cut(utterances, "end")

    def _says_more(self) -> bool:
        """Whether the utterance in progress has a word, or an error."""
        return bool(self.decoding.guess()[0]) or not self.decoding.running

    def _text(self, tokens: tuple[int, ...]) -> str:
        speller = speller_of(self.image)
        return speller.text(token for token in tokens if token < len(speller.tokens))

    def _place(self, vectors: int | None = None) -> dict[str, Any]:
        """How far so many vectors reach, all so far, without what their features look ahead."""
        if self.definition is None:
            return {"samples": None, "seconds": None}
        front = self.definition.front_end
        count = self.vectors if vectors is None else vectors
        samples = count * self.definition.stack * front.frame_shift
        return {"samples": samples, "seconds": samples / front.sample_rate}

    def _doubt(self) -> None:
        """Say what there is to doubt about the utterance; who has vectors knows about them."""
        self.saturated = self._saturated / max(1, self._values)
        self.audio = None if self._level is None else self._level.audio()
        heard = self._stream if isinstance(self._stream, InputStream) else None
        self.like = Likeness() if heard is None else heard.likeness()
        doubts = list(doubts_of_audio(self.audio)) if self.audio is not None else []
        if heard is None:
            doubts += [] if self._any else ["nothing was heard"]
        elif not self._any and self.audio is not None:
            doubts = [f"{self.audio.seconds:.3g} s are too short for the model to hear anything"]
        elif self.decoding.error is not None:
            doubts = []  # where the machine stopped, only a part was heard
        elif self.definition is not None:
            doubts += doubts_of_input(self.definition, self.like, self.saturated, self.audio)
        self.doubts = tuple(doubts)
        if doubts:
            warn(f"the utterance: {'; '.join(doubts)}")


def _pieces(
    heard: NDArray[np.float64], stream: InputStream | CepstraStream, size: int
) -> Iterator[NDArray[np.float64]]:
    """What is heard, so much at once; all of it where there are no vectors before the end."""
    size = max(1, len(heard)) if stream.waits else size
    for first in range(0, max(1, len(heard)), size):
        yield heard[first : first + size]


def _saturated(vectors: NDArray[np.int8]) -> int:
    """How many values are at -128 or 127."""
    return int(np.isin(vectors, (-128, 127)).sum())


def _expect_decoding(decoding: Any, image: Image) -> None:
    """InputError for what does not decode, or decodes with another image."""
    if not all(hasattr(decoding, name) for name in ("image", "begin", "step", "finish")):
        raise InputError(
            f"wanted a decoding, Greedy or Beam, got {type(decoding).__name__}; see "
            "sordino.recogniser.decoding"
        )
    other = decoding.image
    if other is not image and other.to_bytes() != image.to_bytes():
        raise InputError(
            "wanted a decoding with the recogniser's image, got one with another; give both the "
            "same"
        )
