"""What all kinds of layers are described with: formats, integers, places on the machine."""
