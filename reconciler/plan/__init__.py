"""The pure core: desired state and snapshots in, a plan out.

May import `model` only. It does no I/O, reads no clock, and returns the same plan for the same input.
"""

from reconciler.plan.plan import NO_HEALTH, Plan, PlanInput
from reconciler.plan.planner import guard_plan, make_plan, plan_actions, urgent_actions

__all__ = ["NO_HEALTH", "Plan", "PlanInput", "guard_plan", "make_plan", "plan_actions", "urgent_actions"]
