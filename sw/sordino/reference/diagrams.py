"""The two block diagrams: what an RNN-T computes, and what the machine is made of."""

from sordino.reference.drawing import Drawing

__all__ = ["machine_diagram", "rnnt_diagram"]


def rnnt_diagram() -> str:
    """docs/figures/rnnt.svg: encoder, prediction network, joint, and what blank does."""
    d = Drawing(900, 330, "An RNN-T: encoder and prediction network meet in the joint")
    d.text(85, 66, "a frame of sound", "title")
    d.text(85, 84, "feature vector x", "small faint")
    d.box(190, 40, 180, 70, ("encoder", "LSTM layers", "once for each frame"), "array")
    d.text(85, 246, "the last token", "title")
    d.text(85, 264, "blank at the start", "small faint")
    d.box(
        190, 220, 180, 70, ("prediction network", "embedding, LSTM", "once for each token"), "array"
    )
    d.rectangle(430, 85, 250, 160)
    d.text(555, 106, "joint", "title")
    d.text(455, 130, "half", "small faint", "start")
    d.text(455, 214, "half", "small faint", "start")
    d.box(500, 135, 70, 60, ("add", "tanh"), "vector")
    d.box(590, 135, 70, 60, ("output", "matrix"), "array")
    d.box(720, 135, 100, 60, ("argmax", "best score"), "vector")
    d.arrow((150, 75), (190, 75))
    d.arrow((150, 255), (190, 255))
    d.arrow((370, 75), (400, 75), (400, 148), (500, 148))
    d.arrow((370, 255), (400, 255), (400, 182), (500, 182))
    d.arrow((570, 165), (590, 165))
    d.arrow((660, 165), (720, 165))
    d.arrow((770, 135), (770, 22), (280, 22), (280, 40))
    d.text(780, 40, "blank:", "title", "start")
    d.text(780, 58, "next frame", "small", "start")
    d.arrow((770, 195), (770, 308), (85, 308), (85, 272))
    d.text(780, 236, "a token:", "title", "start")
    d.text(780, 254, "emit it,", "small", "start")
    d.text(780, 270, "stay in the frame", "small", "start")
    return d.svg()


def machine_diagram() -> str:
    """docs/figures/machine.svg: the blocks of the circuit and what passes between them."""
    d = Drawing(900, 610, "The machine: sequencer, array, vector unit, table loader, memories")
    _blocks(d)
    _connections(d)
    return d.svg()


def _blocks(d: Drawing) -> None:
    # The host's side.
    d.rectangle(20, 40, 160, 550)
    d.text(100, 62, "host's door", "title")
    d.text(100, 20, "driver, on the host", "small faint")
    d.arrow((100, 26), (100, 40))
    d.box(35, 76, 130, 56, ("bridge", "AXI4-Lite or", "Wishbone"))
    d.arrow((100, 132), (100, 156))
    d.box(35, 156, 130, 56, ("registers", "commands, window"))
    d.box(
        35,
        232,
        130,
        110,
        ("load window", "program, tables,", "streams, directory,", "parameters,", "with CRC-32"),
    )
    d.box(35, 440, 130, 56, ("token FIFO", "16 bits"))
    d.box(35, 520, 130, 56, ("feature FIFO", "int8"))
    # Control.
    d.box(240, 40, 250, 70, ("sequencer", "program, registers, stack,", "counters"))
    d.box(560, 40, 150, 70, ("table loader", "table memory"), "table")
    d.box(740, 40, 140, 70, ("read manager", "AXI4, only with", "stream_bus"), "box dashed")
    # The array.
    d.rectangle(280, 160, 600, 200, "array")
    d.text(295, 182, "array: one group is drawn, all groups are alike", "title", "start")
    d.box(295, 200, 140, 56, ("position decoder", "position stream"))
    d.box(295, 290, 140, 56, ("x FIFO", "columns of x"))
    for lane in range(4):
        y = 196 + 39 * lane
        d.rectangle(480, y, 385, 32)
        d.text(490, y + 21, f"lane {lane}", "title", "start")
        d.text(550, y + 21, "value decoder  →  × x  →  accumulator banks", "small", "start")
    # The vector unit and the memories.
    d.box(290, 420, 170, 70, ("activation memory", "int8: x, h"), "memory")
    d.box(
        520,
        420,
        180,
        80,
        ("vector unit", "requantise, CELL, ADD,", "tanh, ARGMAX, EMBED"),
        "vector",
    )
    d.box(750, 385, 130, 64, ("state memory", "int16: c,", "joint halves"), "memory")
    d.box(750, 470, 130, 64, ("parameters", "biases, index", "tables, embedding"), "memory")


def _connections(d: Drawing) -> None:
    """What passes between the blocks."""
    d.arrow((165, 184), (212, 184), (212, 60), (240, 60))
    d.arrow((240, 90), (224, 90), (224, 468), (165, 468))
    d.text(217, 400, "EMIT", "small", "end")
    d.arrow((385, 110), (385, 160))
    d.text(392, 140, "MATVEC", "small", "start")
    d.arrow((490, 75), (560, 75))
    d.text(525, 68, "TABLE", "small")
    d.arrow((600, 110), (600, 160))
    d.text(607, 140, "tables", "small", "start")
    d.arrow((810, 110), (810, 160), kind="line dashed")
    d.text(802, 140, "streamed weights", "small", "end")
    d.arrow((435, 228), (480, 228))
    d.text(457, 248, "row", "small faint")
    d.arrow((435, 318), (480, 318))
    d.text(457, 338, "x", "small faint")
    d.arrow((350, 420), (350, 346))
    d.text(358, 390, "x, to all groups", "small", "start")
    d.arrow((610, 360), (610, 420))
    d.text(618, 390, "accumulators", "small", "start")
    d.arrow((520, 443), (460, 443))
    d.arrow((460, 467), (520, 467))
    d.arrow((700, 432), (750, 432))
    d.arrow((750, 445), (700, 445))
    d.arrow((750, 484), (700, 484))
    d.arrow((255, 110), (255, 526), (560, 526), (560, 500))
    d.text(265, 519, "CELL, DRAIN, ARGMAX and the like", "small", "start")
    d.arrow((165, 556), (640, 556), (640, 500))
    d.text(265, 573, "INPUT: features", "small", "start")
