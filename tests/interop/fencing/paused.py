#!/usr/bin/env python3
"""examples/fencing/s3.py, paused between its look and its write, while a newer leader writes: `paused.py EXAMPLE BUCKET KEY`

Prints what became of the late write, and what the object holds then. With a fourth word the condition is left out, as by a careless
program."""
import importlib.util
import sys

import boto3

example, bucket, key = sys.argv[1:4]
careless = len(sys.argv) > 4
spec = importlib.util.spec_from_file_location("s3", example)
s3 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(s3)
store = boto3.client("s3")


class Paused:
    """Lets the newer leader in before its first write."""
    head_object = staticmethod(store.head_object)
    woken = False

    def put_object(self, **words):
        if not self.woken:
            self.woken = True
            s3.write(store, bucket, key, b"by the new leader", 9)
        if careless:
            words = {name: value for name, value in words.items() if not name.startswith("If")}
        return store.put_object(**words)


s3.write(store, bucket, key, b"by the old leader", 7)
try:
    s3.write(Paused(), bucket, key, b"late", 7)
    print("written")
except s3.Superseded:
    print("refused")
print(store.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
