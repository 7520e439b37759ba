"""End-pointing: when an utterance is over, from what the transducer's machine has in its memories.

Training data, training, thresholds and figures; the network itself runs beside the transducer.
"""
