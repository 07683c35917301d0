"""The rule of `bench-policy`, written in Python: an approval when the environment is production, when the cost is above
a threshold, or when one of four tags is missing or malformed. It also asks for random numbers and the time, so that a
world in which these change would show."""

import json
import random
import re
import time
from decimal import Decimal

from wit_world import exports
from wit_world.exports.approval_policy import (
    Approval,
    Verdict_Allow,
    Verdict_RequireApproval,
    Verdict_Warn,
)
from wit_world.exports.plugin import Info
from wit_world.imports.types import EnvironmentClass

TAG = re.compile(r"[a-z][a-z0-9-]{2,63}")
TAGS = ["owner", "service", "cost-center", "data-class"]


def approval(reason):
    return Verdict_RequireApproval(Approval(reason, ["platform"], 1))


class ApprovalPolicy(exports.ApprovalPolicy):
    def evaluate(self, context, settings):
        settings = json.loads(settings)
        if settings.get("tell") == "time":
            return Verdict_Warn([str(time.time())])
        if settings.get("tell") == "random":
            return Verdict_Warn([str(random.random())])
        if settings.get("tell") == "sleep":
            time.sleep(3600)
        given = dict(context.request.tags)
        if context.request.environment.class_ == EnvironmentClass.PRODUCTION:
            return approval("production")
        threshold = Decimal(settings.get("threshold", "500"))
        if context.cost is None or Decimal(context.cost.monthly) > threshold:
            return approval("cost")
        if not all(TAG.fullmatch(given.get(key, "")) for key in settings.get("tags", TAGS)):
            return approval("tags")
        return Verdict_Allow()


class Plugin(exports.Plugin):
    def describe(self):
        return Info("The rule of bench-policy in Python.", '{"type": "object"}')

    def validate_settings(self, settings):
        json.loads(settings)
