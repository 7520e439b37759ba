"""The sequencer's own operations: where a program goes on, registers, tokens.

They are declared as in `sordino.isa.operations`, which has the operations of the units.
"""

from sordino.arch import Config
from sordino.isa.choices import Condition
from sordino.isa.fields import ADDRESS, NUMBER, REGISTER, REGISTER_HIGH, reads, updates, writes
from sordino.isa.instruction import ALL_UNITS, STACK_DEPTH, Control, Instruction

__all__ = ["Branch", "Call", "Emit", "Halt", "Jump", "Loop", "Return", "Set"]


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
    """Push the value of `register` to the token FIFO, as a token.

    While the FIFO is full the sequencer waits; the counter `wait_token` counts these cycles.
    """

    register: 3 = reads(REGISTER)

    emits = True
