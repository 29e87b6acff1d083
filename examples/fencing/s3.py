#!/usr/bin/env python3
"""One write of a leader into a store with conditional writes: `leasehold run reports -- s3.py BUCKET KEY TEXT`

The object carries the token of the term that wrote it. Needs boto3, and a store that knows If-Match and If-None-Match on PutObject."""
import os
import sys

import boto3
import botocore.exceptions

TRIES = 20


class Superseded(Exception):
    """A newer leader was here: nothing was written, and this one has to stop."""


def code(error):
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def write(store, bucket, key, body, token):
    """Never changes what a greater token has written. Raises Superseded."""
    for _ in range(TRIES):
        try:
            found = store.head_object(Bucket=bucket, Key=key)
            newest, condition = int(found["Metadata"].get("fencing-token", 0)), {"IfMatch": found["ETag"]}
        except botocore.exceptions.ClientError as error:
            if code(error) != 404:
                raise
            newest, condition = 0, {"IfNoneMatch": "*"}
        if newest > token:
            raise Superseded(f"token {token} is older than {newest} of s3://{bucket}/{key}: a newer leader was here")
        try:
            # The condition makes it safe: whoever writes between the look and this changes the ETag.
            return store.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"fencing-token": str(token)}, **condition)
        except botocore.exceptions.ClientError as error:
            if code(error) not in (404, 409, 412):  # changed, or removed, meanwhile: look again
                raise
    raise TimeoutError(f"s3://{bucket}/{key} changed under each of {TRIES} writes: who else writes it?")


if __name__ == "__main__":
    try:
        write(boto3.client("s3"), sys.argv[1], sys.argv[2], sys.argv[3].encode(), int(os.environ["LEASEHOLD_FENCING_TOKEN"]))
    except Superseded as reason:
        sys.exit(str(reason))
