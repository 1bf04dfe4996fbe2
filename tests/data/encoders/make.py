"""Makes the golden vectors of encoders beside this file, by ONNX Runtime over the catalogue's own files:

    pip install onnxruntime tokenizers numpy
    make.py ~/.cache/mnema/models tests/data/encoders

The texts are made up for this.
"""
import json
import pathlib
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer

YEARS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
TEXTS = [
    ("question", "Which kettle did the new tenant in flat 12 ask for?"),
    ("question", "When does the night ferry to Harwich leave?"),
    ("passage", "The tenant in flat 12 wants an electric kettle that switches itself off, in white if there is one."),
    ("passage", "The ferry to Harwich leaves at ten to eleven every evening except Sundays; cars board from nine."),
    ("passage",
     "Invoice 8841 was paid twice. The second payment of 129.50 goes back to the customer's card within five "
     "working days."),
    ("passage", "Café Résumé is closed on Mondays (星期一)!"),
    ("passage", " ".join(f"The walls of the old mill were measured again in the {nth} year, and the miller's daughter "
                         "wrote down each number beside the last." for nth in YEARS)),
    ("plain", "kettle"),
]
ENCODERS = {
    "bge-small-en-v1.5": ("model.onnx", "first",
                          {"question": "Represent this sentence for searching relevant passages: "}),
    "e5-small-v2": ("model_quantized.onnx", "mean", {"question": "query: ", "passage": "passage: "}),
}


def main(models, target):
    for name, (file, pooling, prefixes) in ENCODERS.items():
        folder = pathlib.Path(models) / name
        session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        items = []
        for kind, text in TEXTS:
            ids = tokenizer.encode(prefixes.get(kind, "") + text).ids
            row = numpy.array([ids], dtype=numpy.int64)
            states = session.run(None, {"input_ids": row, "attention_mask": numpy.ones_like(row),
                                        "token_type_ids": numpy.zeros_like(row)})[0][0]
            vector = states[0] if pooling == "first" else states.mean(0)
            vector = vector / numpy.linalg.norm(vector)
            items.append(json.dumps({"kind": kind, "text": text, "ids": ids,
                                     "vector": [round(float(x), 4) for x in vector]},
                                    ensure_ascii=False, separators=(",", ":")))
        made_by = f"tests/data/encoders/make.py, ONNX Runtime {onnxruntime.__version__}"
        (pathlib.Path(target) / f"{name}.json").write_text(
            '{"model":"%s","made_by":"%s","items":[\n%s\n]}\n' % (name, made_by, ",\n".join(items)))


if __name__ == "__main__":
    main(*sys.argv[1:])
