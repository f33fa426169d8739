import t from 'tap'
import { differenceText, templateDifference } from '../../../src/domain/template-difference.ts'

const template = (container: object, spec: object = {}, annotations: object = {}) => ({
  metadata: { labels: { app: 'api', 'pod-template-hash': 'x' }, annotations },
  spec: { ...spec, containers: [{ name: 'main', ...container }] }
})
const told = (from: object, to: object): string => differenceText(templateDifference({ ...from }, { ...to }))

t.test('what differs is named, and no value but an image is told', async t => {
  t.equal(told(template({ image: 'app:v1' }), template({ image: 'app:v2' })), 'image of main: app:v1 → app:v2')
  const secret = told(
    template({ image: 'a', env: [{ name: 'PASSWORD', value: 'hunter2' }] }, {}, { 'checksum/config': 'abc' }),
    template(
      {
        image: 'a',
        env: [
          { name: 'PASSWORD', value: 'hunter3' },
          { name: 'NEW', value: '1' }
        ],
        command: ['hunter4']
      },
      { hostNetwork: true }
    )
  )
  t.equal(secret, 'variable PASSWORD of main, variable NEW of main, command of main, annotation checksum/config, hostNetwork')
  t.equal(told(template({}, { volumes: [{ name: 'a', emptyDir: {} }] }), template({})), 'volume a')
  t.equal(told({ spec: { containers: [{ name: 'a' }, { name: 'b' }] } }, { spec: { containers: [{ name: 'a' }] } }), 'container b')
})

t.test('what makes no other version is no difference', async t => {
  t.equal(
    told(template({}, {}, { 'kubectl.kubernetes.io/restartedAt': 'a' }), { ...template({}), metadata: { labels: { app: 'api' } } }),
    ''
  )
})

t.test('a long list is cut', async t => {
  const env = Array.from({ length: 20 }, (_, index) => ({ name: `V${index}`, value: '1' }))
  t.match(told(template({}), template({ env })), /variable V5 of main, and 14 more$/)
})
