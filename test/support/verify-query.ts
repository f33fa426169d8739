import { VOCABULARY } from '../../src/app/vocabulary.ts'
import type { RenderedQuery } from '../../src/domain/ports/verifier.ts'
import { loadPolicies, type PolicySet } from '../../src/policies/load.ts'
import { renderPromql } from '../../src/templates/promql.ts'

const FILE = {
  version: 1,
  sources: { prometheus: { url: 'http://p:9090' } },
  policies: [
    {
      name: 'p',
      match: ['alertname="A"'],
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      steps: [{ action: 'rollout-undo' }]
    }
  ]
}

/** The policies of a file whose only policy verifies with this. */
export function loadedVerify(verify: object): PolicySet {
  const file = { ...FILE, policies: FILE.policies.map(policy => ({ ...policy, verify: [{ samples: 1, ...verify }] })) }
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  return result.set
}

/** The query as the flow renders it for a target in a namespace with two pods. */
export function renderedVerify(verify: object, namespace: string): RenderedQuery {
  const query = loadedVerify(verify).policies[0]?.verify[0]
  if (query === undefined) throw new Error('a policy has a query')
  const values = { labels: {}, annotations: {}, target: { kind: 'Deployment', namespace, name: 'api', pods: 'api-a|api-b' } }
  const text = (promql: string): string => {
    const found = renderPromql(promql, values)
    if (found.kind !== 'text') throw new Error(JSON.stringify(found))
    return found.text
  }
  const { traffic, ...rest } = query
  return { ...rest, promql: text(query.promql), ...(traffic && { traffic: { ...traffic, promql: text(traffic.promql) } }) }
}
