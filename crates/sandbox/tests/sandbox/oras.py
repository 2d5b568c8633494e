"""Pushes, lists, pulls and compares with the Python client of ORAS.

Arguments: registry and repository. The folder is the current one; the login is ORAS_USER and ORAS_PASS, or ORAS_TOKEN, or none.
Prints one JSON object: what the client saw.
"""

import hashlib
import json
import os
import sys

import oras.client

registry, repository = sys.argv[1:]
backend = "basic" if "ORAS_USER" in os.environ else "token"
client = oras.client.OrasClient(hostname=registry, insecure=True, auth_backend=backend)
if "ORAS_TOKEN" in os.environ:
    client.auth.set_token_auth(os.environ["ORAS_TOKEN"])

seen = {}
for tag, in_chunks in (("whole", False), ("chunks", True)):
    target = f"{registry}/{repository}:{tag}"
    # Each has bytes of its own: what is there already is not uploaded again. They make three chunks.
    contents = tag.encode() * 2000
    with open("artifact.bin", "wb") as file:
        file.write(contents)
    pushed = client.push(
        target, files=["artifact.bin"], do_chunked=in_chunks, chunk_size=len(contents) // 2 - 1, quiet=True
    )
    pulled = client.pull(target, outdir=f"pulled-{tag}", overwrite=True)
    with open(pulled[0], "rb") as file:
        is_same = file.read() == contents
    layer = client.get_manifest(target)["layers"][0]
    seen[tag] = {
        "status": pushed.status_code,
        "pulled": is_same,
        "named": layer["digest"] == "sha256:" + hashlib.sha256(contents).hexdigest(),
    }
seen["tags"] = sorted(client.get_tags(f"{registry}/{repository}:whole"))
print(json.dumps(seen))
