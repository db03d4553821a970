"""The pure heart: desired state and snapshots in, a plan out.

May import `model` only. Never does I/O, never asks for the time, and gives the same plan for the same input,
whatever the order of the input. Everything a run may do is decided here and nowhere else.
"""

from reconciler.plan.plan import NO_HEALTH, Plan, PlanInput
from reconciler.plan.planner import guard_plan, make_plan, plan_actions, urgent_actions

__all__ = ["NO_HEALTH", "Plan", "PlanInput", "guard_plan", "make_plan", "plan_actions", "urgent_actions"]
