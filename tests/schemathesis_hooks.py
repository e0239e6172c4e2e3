"""What schemathesis sends is changed before it leaves: nothing waits longer than a second for what does not come."""

import schemathesis

LONGEST = 1


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict):
        shorten(case.body)
        if isinstance(case.body.get("wait_for"), dict):
            shorten(case.body["wait_for"])


def shorten(fields):
    wait = fields.get("timeout")
    if isinstance(wait, (int, float)) and not isinstance(wait, bool) and wait > LONGEST and "command" not in fields:
        fields["timeout"] = LONGEST
