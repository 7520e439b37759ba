"""Make the vectors again; needs Debian's flite and sphinxbase-utils (see README.md)."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).parent
SPHINX_FE = (
    "sphinx_fe -mswav yes -samprate 16000 -lowerf 130 -upperf 6800 -nfilt 40 -nfft 512 -alpha .97 "
    "-wlen 0.025625 -frate 100 -transform legacy -remove_noise no -remove_silence no -dither no"
)
# name: voice, text, first sample, samples (0: all of them)
VECTORS = {
    "yes": ("slt", "YES", 0, 0),
    "g-m-e-f": ("kal16", "G M E F", 0, 0),
    "exact": ("rms", "ENTER SIX FIVE", 8000, 410 + 160 * 20),  # windows fill the samples
    "one-less": ("rms", "ENTER SIX FIVE", 8000, 410 + 160 * 20 - 1),
    "one-more": ("rms", "ENTER SIX FIVE", 8000, 410 + 160 * 20 + 1),
}


def main() -> None:
    """Synthesise, cut and let sphinx_fe compute the cepstra."""
    for name, (voice, text, start, count) in VECTORS.items():
        wav, mfc = HERE / f"{name}.wav", HERE / f"{name}.mfc"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", wav], check=True)
        samples, rate = soundfile.read(wav, dtype="int16")
        stop = start + count if count else len(samples)
        soundfile.write(wav, samples[start:stop], rate, subtype="PCM_16")
        subprocess.run([*SPHINX_FE.split(), "-i", wav, "-o", mfc], check=True)
    wav, mfc = HERE / "silence.wav", HERE / "silence.mfc"
    soundfile.write(wav, np.zeros(2400, np.int16), 16000, subtype="PCM_16")
    subprocess.run([*SPHINX_FE.split(), "-i", wav, "-o", mfc], check=True)


if __name__ == "__main__":
    main()
