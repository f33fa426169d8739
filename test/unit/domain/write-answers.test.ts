import t from 'tap'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { isReason } from '../../../src/domain/reasons.ts'
import { meaningOf, rowOf, WRITE_ANSWERS, type WriteVerb } from '../../../src/domain/write-answers.ts'

type ErrorAnswer = Extract<KubeAnswer, { readonly kind: 'error' }>

const status = (
  code: number,
  detail: string,
  more: Partial<ErrorAnswer> & { readonly reason?: string; readonly name?: string; readonly causes?: readonly string[] } = {}
): ErrorAnswer => {
  const { reason, name, causes = [], ...rest } = more
  const says = { ...(reason === undefined ? {} : { reason }), ...(name === undefined ? {} : { name }), causes }
  return { kind: 'error', status: code, detail, says, ...rest }
}

const named = { name: 'api' }
const POLICY = `ValidatingAdmissionPolicy 'old' with binding 'old' denied request: no v1 here`
const DENIED = 'admission webhook "validate.kyverno.svc-fail" denied the request: resource Deployment/shop/api was blocked'

// The answers as the real API server words them (test/e2e/api-answers.test.ts); overload and conflicts of budgets cannot be provoked.
const SAID: readonly { readonly verb: WriteVerb; readonly answer: ErrorAnswer; readonly told: string }[] = [
  { verb: 'patch', answer: status(422, `deployments.apps "api" is forbidden: ${POLICY}`, { ...named, causes: ['x'] }), told: 'forbidden' },
  { verb: 'patch', answer: status(413, POLICY, named), told: 'forbidden' },
  { verb: 'patch', answer: status(400, DENIED), told: 'forbidden' },
  { verb: 'patch', answer: status(500, DENIED), told: 'forbidden' },
  { verb: 'patch', answer: status(422, DENIED), told: 'forbidden' },
  { verb: 'evict', answer: status(409, DENIED), told: 'forbidden' },
  { verb: 'patch', answer: status(429, DENIED), told: 'forbidden' },
  {
    verb: 'patch',
    answer: status(500, 'Internal error occurred: failed calling webhook "w.test": failed to call webhook: connection refused', {
      reason: 'InternalError'
    }),
    told: 'webhook-unreachable'
  },
  { verb: 'patch', answer: status(403, 'User "x" cannot patch resource', named), told: 'forbidden' },
  { verb: 'scale', answer: status(401, 'Unauthorized'), told: 'forbidden' },
  { verb: 'scale', answer: status(404, 'deployments.apps "api" not found', named), told: 'target-not-found' },
  { verb: 'evict', answer: status(404, 'pods "api-1" not found', named), told: 'gone' },
  { verb: 'evict', answer: status(409, 'Precondition failed: UID in precondition: a, UID in object meta: b', named), told: 'gone' },
  { verb: 'evict', answer: status(409, 'the object has been modified', named), told: 'cluster-busy' },
  { verb: 'scale', answer: status(409, 'Precondition failed: UID in precondition', named), told: 'read again' },
  { verb: 'patch', answer: status(422, 'the server rejected our request due to an error in our request'), told: 'read again' },
  { verb: 'patch', answer: status(422, 'Deployment.apps "api" is invalid: spec.selector: field is immutable', named), told: 'forbidden' },
  {
    verb: 'patch',
    answer: status(422, 'metadata.annotations: Too long: may not be more than 262144 bytes', { ...named, causes: ['FieldValueTooLong'] }),
    told: 'too-large'
  },
  { verb: 'patch', answer: status(413, 'Request entity too large: limit is 3145728'), told: 'too-large' },
  { verb: 'patch', answer: status(500, 'etcdserver: request is too large'), told: 'too-large' },
  { verb: 'evict', answer: status(429, 'Cannot evict pod', { causes: ['DisruptionBudget'] }), told: 'disruption-budget' },
  { verb: 'evict', answer: status(429, 'too many requests'), told: 'cluster-busy' },
  { verb: 'patch', answer: status(429, 'too many requests'), told: 'cluster-busy' },
  { verb: 'evict', answer: status(500, 'This pod has more than one PodDisruptionBudget, which is not supported'), told: 'forbidden' },
  { verb: 'evict', answer: status(504, 'could not update PodDisruptionBudget "api" due to conflicts'), told: 'cluster-busy' },
  { verb: 'patch', answer: status(504, 'timeout: request did not complete'), told: 'unknown' },
  { verb: 'scale', answer: status(503, 'apiserver is shutting down'), told: 'unknown' },
  { verb: 'patch', answer: { kind: 'error', status: 200, detail: '200 with a body that is not JSON' }, told: 'unknown' },
  { verb: 'patch', answer: status(415, 'the body of the request was in an unknown format'), told: 'failed' },
  { verb: 'patch', answer: status(400, 'json: cannot unmarshal'), told: 'failed' }
]

t.test('every answer means what it says', async t => {
  for (const { verb, answer, told } of SAID) t.equal(rowOf(verb, answer).told, told, `${verb} ${answer.status} ${answer.detail}`)
})

t.test('every row of the table is said by an example, and every reason in it is one', async t => {
  const said = new Set(SAID.map(({ verb, answer }) => rowOf(verb, answer)))
  t.same(
    WRITE_ANSWERS.filter(row => !said.has(row)),
    []
  )
  for (const { told } of WRITE_ANSWERS) t.ok(isReason(told) || ['read again', 'gone', 'failed', 'unknown'].includes(told), told)
})

t.test('an answer that is not in the table never happens: there is a last row for every verb and every status', async t => {
  for (const verb of ['patch', 'scale', 'evict'] as const)
    for (let code = 100; code < 600; code += 1) t.ok(rowOf(verb, { kind: 'error', status: code, detail: '' }))
})

t.test('the policy’s own words, and the server’s own time, are kept', async t => {
  t.match(meaningOf('patch', status(422, POLICY, named)), { kind: 'forbidden', detail: POLICY })
  const later = { retryAfterMs: 7_000 }
  for (const [verb, code] of [
    ['patch', 429],
    ['evict', 429],
    ['patch', 503]
  ] as const)
    t.match(meaningOf(verb, status(code, 'later', later)), later)
  t.match(meaningOf('evict', status(429, 'budget', { ...later, causes: ['DisruptionBudget'] })), { kind: 'held', ...later })
})

t.test('a kind that is not served is no object that is gone', async t => {
  t.match(meaningOf('patch', status(404, 'the server could not find the requested resource')), { detail: /does not serve/ })
  t.match(meaningOf('patch', { kind: 'error', status: 404, detail: '404 with a body that is not JSON' }), { detail: /does not serve/ })
  t.notMatch(meaningOf('patch', status(404, 'deployments.apps "api" not found', named)), { detail: /does not serve/ })
})
