"""Training RNN-Ts that the hardware rewards, in PyTorch (extra `train`).

`recipe`, `augment` and `data` need NumPy alone; the other modules import torch.
"""

__all__: list[str] = []
