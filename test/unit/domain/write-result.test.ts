import t from 'tap'
import type { PatchOperation } from '../../../src/domain/plan.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { asAsked, toWriteResult } from '../../../src/domain/write-result.ts'

const SPEC = { replicas: 4, paused: false, template: { metadata: { annotations: { 'astern.dev/at': 'noon', added: 'by a webhook' } } } }
const answer: KubeAnswer = { kind: 'ok', status: 200, object: { metadata: { generation: 7 }, spec: SPEC } }

/** What becomes of a trial of these operations, whose answer is always the same. */
const tried = (...operations: readonly PatchOperation[]) => {
  const { kind, detail } = {
    detail: '',
    ...asAsked(
      operations,
      answer,
      toWriteResult('patch', answer, () => 0)
    )
  }
  return kind === 'applied' ? 'as asked' : `${kind}: ${detail}`
}

t.test('a value that the server would make another of is refused at the trial', async t => {
  const annotations = '/spec/template/metadata/annotations'
  t.equal(tried({ op: 'replace', path: '/spec/replicas', value: 4 }), 'as asked')
  t.equal(tried({ op: 'add', path: `${annotations}/astern.dev~1at`, value: 'noon' }), 'as asked')
  t.equal(tried({ op: 'add', path: annotations, value: { 'astern.dev/at': 'noon' } }), 'as asked', 'what a webhook adds beside it')
  t.equal(
    tried({ op: 'replace', path: '/spec/template', value: {} }),
    'as asked',
    'a template has defaults: what is made of it is its own question'
  )
  t.equal(
    tried({ op: 'test', path: '/spec/replicas', value: 2 }, { op: 'remove', path: '/spec/paused' }),
    'as asked',
    'nothing is asked for'
  )

  const made = (value: string, path: string, asked: string): string =>
    `refused: an admission webhook or policy makes ${value} of ${path}, and ${asked} was asked for`
  t.equal(tried({ op: 'replace', path: '/spec/replicas', value: 5 }), made('4', '/spec/replicas', '5'))
  t.equal(tried({ op: 'replace', path: '/spec/suspend', value: true }), made('null', '/spec/suspend', 'true'), 'it is dropped')
  t.equal(
    tried({ op: 'add', path: annotations, value: { 'astern.dev/at': 'one' } }),
    made('{"added":"by a webhook","astern.dev/at":"noon"}', annotations, '{"astern.dev/at":"one"}')
  )
})

t.test('only a write that was applied is judged so', async t => {
  const refused: KubeAnswer = { kind: 'error', status: 409, detail: 'modified' }
  const result = toWriteResult('patch', refused, () => 0)
  t.equal(asAsked([{ op: 'replace', path: '/spec/replicas', value: 5 }], refused, result), result)
})
