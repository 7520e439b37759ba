"""The sequencer's own operations: where a program goes on, registers, tokens.

They are declared as in `sordino.isa.operations`, which has the operations of the units.
"""

from sordino.arch import Config
from sordino.isa.choices import Condition
from sordino.isa.fields import ADDRESS, NUMBER, REGISTER, REGISTER_BITS, reads, updates, writes
from sordino.isa.instruction import ALL_UNITS, STACK_DEPTH, Control, Instruction

__all__ = ["Branch", "Call", "Emit", "Halt", "Jump", "Loop", "Return", "Set"]

_REGISTER_MASK = (1 << REGISTER_BITS) - 1


class Halt(Instruction, opcode=0, awaits=ALL_UNITS):
    """End the program; all state stays readable, `code` in the status register."""

    code: 8 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        return ()


class Set(Instruction, opcode=1):
    """register := value."""

    register: 3 = writes(REGISTER)
    value: 16 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.next().holding(self.register, self.value),)

    def most(self, parameters: bytes, config: Config) -> int:
        return self.value


class Jump(Instruction, opcode=2):
    """Go to `target`."""

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.at(self.target),)


class Call(Instruction, opcode=3):
    """Push the next address, go to `target`; more than STACK_DEPTH nested calls stop (STACK)."""

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        if len(control.stack) == STACK_DEPTH:
            return ()
        return (control._replace(pc=self.target, stack=(*control.stack, control.pc + 1)),)


class Return(Instruction, opcode=4):
    """Pop an address and go there; an empty stack stops the machine (STACK)."""

    unused: 1 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        if not control.stack:
            return ()
        return (control._replace(pc=control.stack[-1], stack=control.stack[:-1]),)


class Loop(Instruction, opcode=5):
    """register := register - 1; go to `target` unless it became 0."""

    register: 3 = updates(REGISTER)
    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        before = control.registers[self.register]
        if before is None:
            again = control.holding(self.register, None).at(self.target)
            return (again, control.holding(self.register, 0).next())
        after = before - 1 & _REGISTER_MASK
        control = control.holding(self.register, after)
        return (control.at(self.target) if after else control.next(),)


class Branch(Instruction, opcode=6):
    """Go to `target` if the comparison of register and value holds."""

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
    """Push register to the token FIFO; a full FIFO is a counted stall."""

    register: 3 = reads(REGISTER)

    emits = True
