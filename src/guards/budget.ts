import { formatDuration } from '../base/duration.ts'
import type { Guard } from '../domain/guard.ts'

/** Refuses early where a budget is used up. The transaction that stores the intent is what enforces the budget. */
export const budget: Guard = {
  name: 'budget',
  check({ budgets }) {
    const spent = budgets.find(({ budget: limit, used }) => used >= limit.limit)
    if (spent === undefined) return undefined
    return {
      reason: 'budget-used-up',
      detail: `${spent.used} of ${spent.budget.limit} writes per ${formatDuration(spent.budget.per)} and ${spent.budget.scope}`
    }
  }
}
