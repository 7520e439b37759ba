"""Recipes: what is read, what is refused, and with which words."""

import json
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from sordino.errors import InputError
from sordino.train.recipes.recipe import Recipe, digest_of, load_recipe

ROOT = Path(__file__).parents[4]
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_recipes_of_the_repository_are_named_as_their_files(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.description
    assert path.read_text().startswith("#")


def test_every_value_arrives(tmp_path: Path) -> None:
    recipe = load_recipe(
        write(
            tmp_path,
            'name = "x"\n[augment]\ntempo = [0.9, 1]\n[schedule]\nlearning_rate = 1\n'
            'epochs = 7\nmeasure = "train"\n[sparsify]\nunit = "connection"\n'
            '[quantise]\nbits = 5\nlayers = {"joint.*" = 6, "*" = 4}\n[teacher]\nlabels = false\n',
        )
    )
    assert recipe.augment.tempo == (0.9, 1.0)
    assert isinstance(recipe.schedule.learning_rate, float)
    assert (recipe.schedule.epochs, recipe.schedule.measure) == (7, "train")
    assert recipe.sparsify.unit == "connection"
    assert recipe.quantise.layers == {"joint.*": 6, "*": 4}
    assert recipe.teacher.labels is False
    assert recipe.network == Recipe(name="y").network


def test_recipes_of_other_editors(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes("\ufeffname = 'ä'\r\n[schedule]\r\nepochs = 7\r\n".encode())
    assert (load_recipe(path).name, load_recipe(path).schedule.epochs) == ("ä", 7)
    path.write_bytes(b"name = 'x'\ndescription = '\xe4'\n")
    with pytest.raises(InputError, match="as UTF-8, got byte 0xe4 in line 2"):
        load_recipe(path)


def test_a_base_gives_what_is_not_said(tmp_path: Path) -> None:
    (tmp_path / "low.toml").write_text(
        'name = "low"\ndescription = "d"\n[schedule]\nepochs = 7\nseed = 3\n'
    )
    (tmp_path / "middle.toml").write_text(
        'base = "low.toml"\nname = "middle"\n[schedule]\nseed = 4\n[quantise]\nbits = 3\n'
    )
    recipe = load_recipe(write(tmp_path, 'base = "middle.toml"\nname = "x"\n[quantise]\nbits = 5'))
    assert (recipe.name, recipe.description) == ("x", "")
    assert (recipe.schedule.epochs, recipe.schedule.seed, recipe.quantise.bits) == (7, 4, 5)
    for text, message in (
        ('base = "recipe.toml"\nname = "x"', "recipe.toml is its own"),
        ('base = "none.toml"\nname = "x"', r"cannot read recipe .*none\.toml"),
        ('base = 1\nname = "x"', "wanted base as the name of a file, got 1"),
        ('base = "low.toml"', "wanted a name in the recipe, got none"),
    ):
        with pytest.raises(InputError, match=message):
            load_recipe(write(tmp_path, text))


@pytest.mark.parametrize("folder", ["", ".", "../x"])
def test_a_base_that_is_itself_by_another_name(tmp_path: Path, folder: str) -> None:
    (tmp_path / "x").mkdir()
    path = write(tmp_path / "x", f'name = "x"\nbase = "{Path(folder, "recipe.toml")}"')
    with pytest.raises(InputError, match=r"recipe\.toml is its own; correct it"):
        load_recipe(path)


def test_digest_is_of_what_is_said_not_of_how(tmp_path: Path) -> None:
    said = load_recipe(write(tmp_path, 'name = "x"\n[schedule]\nseed = 3\nepochs = 100\n'))
    again = load_recipe(write(tmp_path, '# a comment\nname = "x"\n[schedule]\nseed = 3\n'))
    other = load_recipe(write(tmp_path, 'name = "x"\n[schedule]\nseed = 4\n'))
    assert said.digest == again.digest != other.digest


@pytest.mark.parametrize(
    "kind", [f.default_factory for f in fields(Recipe) if is_dataclass(f.default_factory)]
)
def test_every_field_is_documented(kind: type) -> None:
    documented = {
        word for line in kind.__doc__.splitlines() for word in line.replace(",", "").split()
    }
    assert {f.name for f in fields(kind)} <= documented


MIX = """name = "x"
also = {voices = ""}
[[data.mix]]
corpus = "own"
share = 0.25
[[data.mix]]
corpus = "voices"
share = 0.75
"""


def test_a_mix_arrives_and_an_empty_one_changes_no_digest(tmp_path: Path) -> None:
    mixed = load_recipe(write(tmp_path, MIX))
    assert [(part.corpus, part.share) for part in mixed.data.mix] == [
        ("own", 0.25),
        ("voices", 0.75),
    ]
    assert mixed.data.per_own(mixed.also, [7]) == [(7, 3.0)]
    with pytest.raises(InputError, match=r"the 1 further corpora .* got 2; leave out --also"):
        mixed.data.per_own(mixed.also, [7, 8])
    plain = load_recipe(write(tmp_path, 'name = "x"'))
    before = {name: value for name, value in plain.to_dict().items() if name != "data"}
    stored = json.loads(json.dumps(plain.to_dict()))
    assert plain.digest == digest_of(before) == digest_of(stored) != mixed.digest
    assert digest_of(json.loads(json.dumps(mixed.to_dict()))) == mixed.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted a name in the recipe, got none"),
        ("name = 1", "wanted name as text, got 1"),
        ("name", "as TOML"),
        ('name = "x"\ncolour = 1', "got 'colour'"),
        ('name = "x"\naugment = 1', r"wanted \[augment\] as a table, got 1"),
        ('name = "x"\n[schedule]\nepoch = 1', r"entries of \[schedule\] among .*, got 'epoch'"),
        (
            'name = "x"\n[schedule]\nepochs = 0',
            "wanted epochs from 1 to 100000 in the recipe, got 0",
        ),
        ('name = "x"\n[schedule]\nepochs = 1.5', "wanted epochs as a whole number, got 1.5"),
        ('name = "x"\n[schedule]\nepochs = true', "wanted epochs as a whole number, got True"),
        ('name = "x"\n[schedule]\nclip = nan', "wanted clip as a number, got nan"),
        ('name = "x"\n[schedule]\nctc_epochs = 101', "wanted ctc_epochs from 0 to 100"),
        (
            'name = "x"\n[schedule]\nmeasure = "all"',
            "as one of train, dev, test, tuning, fitting, got 'all'",
        ),
        ('name = "x"\n[schedule]\nprecision = "int8"', "as one of float32, bfloat16, got 'int8'"),
        (
            'name = "x"\n[augment]\ntempo = [0.9]',
            r"wanted tempo as a list of 2 numbers, got \[0.9\]",
        ),
        ('name = "x"\n[augment]\nwarp = [1.1, 0.9]', r"low ≤ 1 ≤ high ≤ 2, got \[1.1, 0.9\]"),
        ('name = "x"\n[quantise]\nbits = 1', "wanted bits from 2 to 8 in the recipe, got 1"),
        (
            'name = "x"\n[quantise]\nbits = 4\n[quantise.layers]\n"joint.*" = 9',
            r"wanted bits of joint\.\* from 2 to 8",
        ),
        (
            'name = "x"\n[quantise]\nbits = 4\n[quantise.layers]\n"joint.*" = "few"',
            r"wanted layers\.joint\.\* as a whole number, got 'few'",
        ),
        ('name = "x"\n[quantise]\nlayers = 4', "wanted layers as a table, got 4"),
        ('name = "x"\n[quantise]\nlayers = {a = 4}', r"wanted bits .* beside \[quantise.layers\]"),
        (
            'name = "x"\n[quantise]\nbits = 4\nmethod = "regional"',
            "wanted codebook 'lloyd-max' in the recipe, which method regional is for",
        ),
        ('name = "x"\n[sparsify]\nmethod = "luck"', "as one of magnitude, compressed_sensing"),
        ('name = "x"\n[teacher]\nlabels = 0', "wanted labels as true or false, got 0"),
        ('name = "x"\n[features]\nmean_over = "day"', "as one of utterance, running"),
        ('name = "a\\nb"', r"wanted a name that can be read in one line, got 'a\\nb'"),
        ('name = " "', "wanted a name that can be read in one line, got ' '"),
        ('name = "x"\n[schedule]\nclip = 1' + "0" * 400, "as a number, got a whole number of 13"),
        ('name = "x"\n[schedule]\nclip = 1' + "0" * 5000, r"as TOML, but .* is not: "),
        ('name = "x"\n[schedule]\nseed = 0x' + "f" * 9000, "got a whole number of 36000 bits"),
        ('name = "x"\n[schedule]\nclip = 1e400', "from 1e-09 to 1e.09 in the recipe, got inf"),
        ('name = "x"\n[schedule]\nclip = ["' + "y" * 5000, r"as TOML, but .* is not: "),
        ('name = "x"\n[schedule]\nclip = "' + "y" * 5000 + '"', r"got 'y{58}…$"),
        ("name = " + "[" * 5000, r"as TOML, but .* is not: "),
        ('name = "x"\n[quantise]\nbits = 4\nlayers = {a = 0x' + "f" * 9000 + "}", "36000 bits"),
        ('name = "x"\n' + "a" * 5000 + " = 1", r"among .*, got 'a{58}…$"),
        ('name = "x"\nbase = "a\\u0000b"', r"wanted base as the name of a file, got 'a\\x00b'"),
        (MIX.replace("0.75", "0.7"), r"shares in \[\[data.mix\]\] whose sum is 1, got 0.95"),
        (MIX.replace("0.75", "0"), "wanted share from 0.0001 to 1 in the recipe, got 0"),
        (MIX.replace("0.75", '"half"'), "wanted share as a number, got 'half'"),
        (MIX.replace("share = 0.75", "part = 0.75"), r"entries of \[mix\] among .*, got 'part'"),
        (
            MIX.replace('corpus = "voices"', 'corpus = "own"'),
            "each corpus once .*, got 'own' twice",
        ),
        (MIX.replace('corpus = "voices"', 'corpus = "noises"'), "got none of 'voices'; add one"),
        (MIX.replace('corpus = "own"', 'corpus = "mine"'), "got none of 'own'; add one"),
        (MIX.replace('also = {voices = ""}', ""), "among own, got 'voices'; correct it, or name"),
        (MIX.replace("voices", "own"), "got 'own' twice"),
        (MIX + "\n[augment]\nextra = 0.7\n", r"either \[\[data.mix\]\] or extra in the recipe"),
        ('name = "x"\n[data]\nmix = 0.5', r"wanted tables \[\[mix\]\], got 0.5"),
        ('name = "x"\n[data]\nmix = [0.5]', r"wanted \[mix\] as a table, got 0.5"),
        ('name = "x"\n[data]\nshares = 1', r"entries of \[data\] among mix, got 'shares'"),
        ('name = "x"\n[sparsify]\nunit = "row"', "as one of single, connection, got 'row'"),
    ],
)
def test_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert str(tmp_path / "recipe.toml") in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read recipe .*none\.toml"):
        load_recipe(tmp_path / "none.toml")


def test_recipes_are_plain_toml() -> None:
    assert RECIPES
    for path in RECIPES:
        assert tomllib.loads(path.read_text())["name"]
