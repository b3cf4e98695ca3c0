#!/bin/sh
# All statements of both papers in order, from texts to one page. Stopped and given again, it goes on.
#
#   make papers TEXTS=articles.jsonl.xz DATA="reviews.csv topics.jsonl"   # pre-trains an encoder first
#   make papers TEXTS=articles.jsonl.xz ENCODER=./my-bert                 # takes this one
#
# DATA are labelled texts, DOCUMENTS texts whose segments are known, SIZES the runs on several numbers
# of articles, such as "--preset tiny --sizes 2000,16000 --seeds 3 --steps 20000"; what needs them is left
# out without them. PAPERS is the folder of it all (papers). PRETRAIN, FILM, STUDY, FINETUNE, IMAGES and
# SEGMENT are options of the commands below, such as STUDY="--texts 1000" or PRETRAIN="--hours 8".
set -eu
out=${PAPERS:-papers}
mkdir -p "$out"
set --

if [ -n "${ENCODER:-}" ]; then
    encoder=$ENCODER
else
    encoder=$out/bert/model
    if [ ! -e "$encoder" ]; then
        if [ -e "$out/bert/options.json" ]; then resume=--resume; else resume=; fi
        blocklens pretrain "$TEXTS" --out "$out/bert" --milestones 20 $resume ${PRETRAIN:-}
    fi
    blocklens film "$TEXTS" --run "$out/bert" --out "$out/film" ${FILM:---texts 200}
    if [ -n "${SIZES:-}" ]; then
        blocklens pretrain "$TEXTS" --out "$out/sizes" $SIZES
        set -- "$out/sizes"
    fi
fi

blocklens study "$TEXTS" --encoder "$encoder" --out "$out/study" ${STUDY:---texts 1000}
for data in ${DATA:-}; do
    name=${data##*/}
    blocklens finetune "$data" --encoder "$encoder" --out "$out/finetune-${name%%.*}" \
        ${FINETUNE:---variant both}
    set -- "$@" "$out/finetune-${name%%.*}"
done
if [ -n "${DOCUMENTS:-}" ]; then
    blocklens segment --evaluate "$DOCUMENTS" --encoder "$encoder" --out "$out/segments" \
        ${SEGMENT:-}
    set -- "$@" "$out/segments"
fi
blocklens images --out "$out/images" ${IMAGES:-}
blocklens compare "$out/study" "$@" "$out/images" --out "$out/report"
