"""Operations of control: where a program goes on, registers, and what the host gives and gets.

They are declared as in `sordino.isa.operations`, which has those that compute. INPUT, READ and
WRITE are the vector unit's, since its are the memories. The sequencer executes the others itself.
"""

from amaranth.hdl import signed

from sordino.arch import Config
from sordino.isa.choices import Condition
from sordino.isa.fields import (
    ACTIVATION,
    ADDRESS,
    CHANNEL,
    CHANNEL_BITS,
    COUNT,
    NUMBER,
    ONE,
    REGISTER,
    REGISTER_BITS,
    REGISTER_HIGH,
    SEGMENT,
    SEGMENT_BITS,
    STATE,
    TOKEN_BITS,
    reads,
    since,
    updates,
    writes,
)
from sordino.isa.instruction import ALL_UNITS, STACK_DEPTH, Control, Instruction, Unit
from sordino.isa.pipelines import Pipeline

__all__ = [
    "Branch",
    "Call",
    "Count",
    "Emit",
    "Halt",
    "Input",
    "Jump",
    "Loop",
    "Read",
    "Return",
    "Set",
    "Take",
    "Use",
    "Write",
]


class Halt(Instruction, opcode=0, awaits=ALL_UNITS):
    """End the program; the host finds `code` in the status register.

    Memories, registers and counters keep what they hold.
    """

    code: 8 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        return ()


class Set(Instruction, opcode=1):
    """Set `register` to `value`."""

    register: 3 = writes(REGISTER)
    value: 16 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.next().holding(self.register, self.value),)

    def most(self, parameters: bytes, config: Config) -> int:
        return self.value


class Jump(Instruction, opcode=2):
    """Go on at `target`."""

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.at(self.target),)


class Call(Instruction, opcode=3):
    """Push the next address on the stack and go on at `target`.

    If the stack is full, which is more than STACK_DEPTH nested calls, the machine stops with the
    error STACK.
    """

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        if len(control.stack) == STACK_DEPTH:
            return ()
        return (control._replace(pc=self.target, stack=(*control.stack, control.pc + 1)),)


class Return(Instruction, opcode=4):
    """Pop an address from the stack and go on there.

    If the stack is empty, the machine stops with the error STACK. The field has no meaning.
    """

    unused: 1 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        if not control.stack:
            return ()
        return (control._replace(pc=control.stack[-1], stack=control.stack[:-1]),)


class Loop(Instruction, opcode=5):
    """Subtract 1 from `register`; go on at `target` unless the register is 0 now.

    A register of 0 becomes 65535.
    """

    register: 3 = updates(REGISTER)
    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        before = control.registers[self.register]
        if before is None:
            again = control.holding(self.register, None).at(self.target)
            return (again, control.holding(self.register, 0).next())
        after = before - 1 & REGISTER_HIGH
        control = control.holding(self.register, after)
        return (control.at(self.target) if after else control.next(),)


class Branch(Instruction, opcode=6):
    """Go on at `target` if the comparison of `register` (left) and `value` (right) holds."""

    register: 3 = reads(REGISTER)
    condition: Condition
    value: 16 = NUMBER
    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        known = control.registers[self.register]
        if known is None:
            return (control.at(self.target), control.next())
        holds = Condition(self.condition).holds(known, self.value)
        return (control.at(self.target) if holds else control.next(),)


class Emit(Instruction, opcode=8):
    """Push the value of `register` to the token FIFO, as a token of `channel`.

    The host reads both from TOKEN, the channel in bits 23 to 16. While the FIFO is full the
    sequencer waits; the counter `wait_token` counts these cycles.
    """

    register: 3 = reads(REGISTER)
    channel: TOKEN_BITS - REGISTER_BITS = since(3, NUMBER)

    emits = True


class Count(Instruction, opcode=24, since=3):
    """Add `step`, which may be negative, to `register`, and saturate at 0 and 65535."""

    register: 3 = updates(REGISTER)
    step: signed(17) = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        before, after = control.registers[self.register], None
        if before is not None:
            after = min(max(before + self.step, 0), REGISTER_HIGH)
        return (control.holding(self.register, after).next(),)


class Take(Instruction, opcode=25, since=3):
    """Move the host's request to `register`; there is none then.

    A request is a number from 1 on, which the host writes to REQUEST. Without one the register
    becomes 0.
    """

    register: 3 = writes(REGISTER)


class Use(Instruction, opcode=26, since=4):
    """Begin to use `segment` if the host has loaded and checked it; else go on at `otherwise`.

    From here to the next INPUT the program may read what the segment holds. As long the segment is
    in use, and the host cannot open it: until an INPUT has begun and the TABLEs before it are done,
    or until the machine stops. A segment that is in use may be used again.
    """

    segment: SEGMENT_BITS = SEGMENT
    otherwise: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.next(), control.at(self.otherwise))


class Input(Instruction, opcode=7, unit=Unit.VECTOR, awaits=Unit.ARRAY | Unit.VECTOR, blocks=True):
    """Wait for `count` features and write them to activation memory from `destination` on.

    They are the next features of `channel`. If the host has signalled the end of input of this
    channel and no feature is left, the program goes on at `end` instead. If the input ends in the
    middle of a vector, the machine stops with the error INPUT.

    With a `request` other than 0, INPUT is a yield point. If the host has a request and INPUT has
    not taken a feature yet, the program goes on at `request` instead, whether or not features or
    the end of input are there. TAKE says what the host wants. Nothing else has changed, so the
    program can do it and then jump back to the INPUT. An INPUT that has taken a feature goes on
    with it.
    """

    destination: 16 = writes(ACTIVATION, "count")
    count: 16 = COUNT
    end: 16 = ADDRESS
    channel: CHANNEL_BITS = since(3, CHANNEL)
    request: 16 = since(3, ADDRESS)

    elements, pipeline = "count", Pipeline.FEATURE

    def ways(self, control: Control) -> tuple[Control, ...]:
        ways = (control.next(), control.at(self.end))
        return (*ways, control.at(self.request)) if self.request else ways


class Read(Instruction, opcode=22, since=3, unit=Unit.VECTOR):
    """Set `register` to word `state` of state memory plus 32768.

    So a register holds 0 for the least int16 and 65535 for the largest, and BRANCH, which compares
    unsigned, orders scores as they are.
    """

    register: 3 = writes(REGISTER)
    state: 16 = reads(STATE)

    elements, pipeline = ONE, Pipeline.MOVE


class Write(Instruction, opcode=23, since=3, unit=Unit.VECTOR):
    """Set word `state` of state memory to `register` less 32768.

    READ brings it back. START clears registers, but not memories.
    """

    register: 3 = reads(REGISTER)
    state: 16 = writes(STATE)

    elements, pipeline = ONE, Pipeline.CONSTANT
