"""The recurrent model in numpy: PyTorch's numbers, and files that are none."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from sordino.errors import InputError
from sordino.rerank.neural import END, UNKNOWN, NeuralWords, Recurrent, load_neural, save_neural
from sordino.rerank.ngram_words import LETTER

WORDS = ("A", "B", "EIGHT", "XQ")
HIDDEN = 5


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    random, count = np.random.default_rng(seed), len(WORDS) + 2
    shapes = {
        "inputs": (count, 3 * HIDDEN),
        "hidden": (3 * HIDDEN, HIDDEN),
        "bias": (3 * HIDDEN,),
        "outputs": (count, HIDDEN),
        "output_bias": (count,),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write(path, words=WORDS, **changed) -> int:
    """A file with halves, whatever is in them."""
    halves = {name: array.astype(np.float16) for name, array in (arrays() | changed).items()}
    return path.write_bytes(save(halves, {"format": "1", "words": json.dumps(words)}))


def test_it_says_what_pytorch_says() -> None:
    """Both in float32, so to five decimals of a nat."""
    torch = pytest.importorskip("torch", reason="the extra train has torch")
    torch.manual_seed(0)
    count, width = len(WORDS) + 2, 3
    embedding, gru = torch.nn.Embedding(count, width), torch.nn.GRU(width, HIDDEN, batch_first=True)
    output = torch.nn.Linear(HIDDEN, count)
    said = [2, 4, UNKNOWN, 5, 2, 2, 3]
    with torch.no_grad():
        hidden, _ = gru(embedding(torch.tensor([[END, *said]])))
        wanted = torch.log_softmax(output(hidden), -1)[0].double().numpy()
        given = embedding.weight @ gru.weight_ih_l0.T + gru.bias_ih_l0
    model = Recurrent(
        NeuralWords(
            WORDS,
            inputs=given.numpy(),
            hidden=gru.weight_hh_l0.detach().numpy(),
            bias=gru.bias_hh_l0.detach().numpy(),
            outputs=output.weight.detach().numpy(),
            output_bias=output.bias.detach().numpy(),
        )
    )
    state = model.start()
    for place, number in enumerate(said):
        assert math.isclose(model.finish(state), wanted[place][END], abs_tol=1e-5)
        word = "NEVER" if number == UNKNOWN else WORDS[number - 2]
        state, nats = model.say(state, word)
        more = LETTER * 6 if number == UNKNOWN else 0.0
        assert math.isclose(nats, wanted[place][number] + more, abs_tol=1e-5)


def test_chances_sum_to_one_and_states_stay_as_they_are() -> None:
    model = Recurrent(NeuralWords(WORDS, **arrays()))
    state, _ = model.say(model.start(), "B")
    found = [model.say(state, word)[1] for word in WORDS]
    unknown = model.say(state, "Q")[1] - 2 * LETTER
    assert math.isclose(sum(map(math.exp, [*found, unknown, model.finish(state)])), 1.0)
    assert [model.say(state, word)[1] for word in WORDS] == found


def test_a_file_has_the_numbers_with_half_their_digits(tmp_path) -> None:
    path = tmp_path / "x.safetensors"
    assert save_neural(path, NeuralWords(WORDS, **arrays())) == path.stat().st_size
    found = load_neural(path)
    assert found.words == WORDS
    for name, array in arrays().items():
        assert (getattr(found, name) == array.astype(np.float16)).all()


def half(path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def another(path) -> None:
    path.write_bytes(save({"x": np.zeros(3, np.float32)}))


def few_words(path) -> None:
    write(path, WORDS[1:])


def no_number(path) -> None:
    write(path, bias=np.full(3 * HIDDEN, np.nan))


def same_word(path) -> None:
    write(path, ("A", "A", "B", "C"))


def no_words(path) -> None:
    write(path, (1, 2, 3, 4))


def newer(path) -> None:
    halves = {name: array.astype(np.float16) for name, array in arrays().items()}
    path.write_bytes(save(halves, {"format": "2", "words": json.dumps(WORDS)}))


def other_numbers(path) -> None:
    halves = {name: array.astype(np.int16) for name, array in arrays().items()}
    path.write_bytes(save(halves, {"format": "1", "words": json.dumps(WORDS)}))


def brain_floats(path) -> None:
    data = path.read_bytes().replace(b'"F16"', b'"BF16"')
    length = int.from_bytes(data[:8], "little") + 5
    path.write_bytes(length.to_bytes(8, "little") + data[8:])


def large(path) -> None:
    with path.open("ab") as file:
        file.truncate((1 << 24) + 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (half, "copy or train it again"),
        (another, "got other arrays, or another version"),
        (few_words, "wanted inputs of shape (5, 15)"),
        (no_number, "wanted numbers as bias"),
        (same_word, "each word of the neural language model once"),
        (no_words, "got other arrays, or another version"),
        (newer, "got other arrays, or another version"),
        (other_numbers, "got arrays of I16, not of F16 or F32"),
        (brain_floats, "got arrays of BF16"),
        (large, "more than 16,777,216 bytes"),
        (lambda path: path.unlink(), "cannot read neural language model"),
        (lambda path: path.write_bytes(b""), "copy or train it again"),
        (lambda path: path.write_bytes(b"PK\3\4" + bytes(60)), "copy or train it again"),
    ],
)
def test_files_that_are_none_are_refused(tmp_path, spoil, said) -> None:
    path = tmp_path / "x.safetensors"
    write(path)
    spoil(path)
    with pytest.raises(InputError) as refusal:
        load_neural(path)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_empty_networks_are_refused() -> None:
    net = NeuralWords(WORDS, **arrays())
    with pytest.raises(InputError, match="wanted inputs of shape"):
        replace(net, hidden=np.zeros((0, 0), np.float32))
    with pytest.raises(InputError, match="wanted inputs of shape"):
        replace(net, hidden=np.float32(1))
