import { instantAt, listAt, numberAt, textAt } from '../base/json.ts'
import type { RuleGroup } from '../domain/rule-group.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { firstLineOf } from './first-line.ts'
import { readApi } from './prometheus-api.ts'

/** Alerting rules only, and not the alerts that they have now: a server that knows neither word answers more. */
export const RULE_GROUPS_PATH = '/api/v1/rules?type=alert&exclude_alerts=true'

/** Reads the groups of alerting rules, or says why they cannot be read. */
export function readRuleGroups(result: HttpResult): readonly RuleGroup[] | { readonly problem: string } {
  const answer = readApi(result)
  if ('problem' in answer) return { problem: `${answer.problem}: ${answer.detail}` }
  return listAt(answer.data, 'data', 'groups').map(group => {
    // Go writes the year 1 for a time that never was.
    const last = instantAt(group, 'lastEvaluation')
    return {
      name: textAt(group, 'name') ?? '',
      file: textAt(group, 'file') ?? '',
      intervalMs: (numberAt(group, 'interval') ?? 60) * 1_000,
      ...(last === undefined || last <= 0 ? {} : { lastEvaluation: last }),
      rules: listAt(group, 'rules').map(rule => ({
        name: textAt(rule, 'name') ?? '',
        failed: textAt(rule, 'health') === 'err',
        error: firstLineOf(textAt(rule, 'lastError') ?? '')
      }))
    }
  })
}
