#!/bin/sh
# Makes the utterances again, from the table in transcripts.tsv. Needs flite 2.2 (Debian: flite).
set -eu
cd "$(dirname "$0")"
tail -n +2 transcripts.tsv | while IFS="$(printf '\t')" read -r file voice stretch text _; do
    flite -voice "$voice" --setf "duration_stretch=$stretch" -t "$text" -o "$file"
done
