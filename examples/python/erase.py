"""Starts an erase, waits for it, prints its result as JSON: python erase.py FILE_ID [KEY]"""

import asyncio
import json
import os
import sys

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError


class EraseFailed(Exception):
    """An erase that ended without a result. `details` has the shape of schema/erase-failure.schema.json."""

    def __init__(self, error_class: str, details: dict):
        super().__init__(details.get("message", error_class))
        self.error_class = error_class
        self.details = details


async def erase(client: Client, request: dict, key: str) -> dict:
    """One erase for one key, however often it is asked for.

    Raises EraseFailed when the run ended without a result.
    """
    workflow_id = f"erase/key/{key}"
    try:
        handle = await client.start_workflow(
            "erase",
            {**request, "key": key},
            id=workflow_id,
            task_queue="smart-erase",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        )
    except WorkflowAlreadyStartedError:
        # It succeeded before: the result is there.
        handle = client.get_workflow_handle(workflow_id)
    try:
        return await handle.result()
    except WorkflowFailureError as failure:
        cause = failure.cause
        if not isinstance(cause, ApplicationError) or cause.type is None:
            raise
        details = cause.details[0] if cause.details else {}
        raise EraseFailed(cause.type, details) from failure


async def main() -> int:
    file_id = sys.argv[1]
    key = sys.argv[2] if len(sys.argv) > 2 else f"python-{file_id}"
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    request = {
        "fileId": file_id,
        "subAppId": int(os.environ.get("SUB_APP_ID", "1500000001")),
        "recipe": {"name": "subtitles"},
        "requestedBy": "python-example",
    }
    try:
        result = await erase(client, request, key)
    except EraseFailed as failed:
        spent = "money was spent" if failed.details.get("moneySpent") else "nothing was paid"
        print(f"The erase failed ({failed.error_class}, {failed.details.get('code')}), {spent}: {failed}", file=sys.stderr)
        return 1
    print(json.dumps({"resultFileId": result["resultFileId"], "taskId": result["taskId"]}))
    return 0


if __name__ == "__main__":
    code = asyncio.run(main())
    # A script that is over at once: threads of the SDK's core may still call into an interpreter that shuts down, which
    # then aborts (seen now and then with 1.x). A service that goes on running has no such moment.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
