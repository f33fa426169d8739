import t from 'tap'
import type { DeclaredPort, GuardedPod } from '../../../../src/domain/guarded-pod.ts'
import { pageOf } from '../../../../src/verification/pods/pod-page.ts'
import { NOON } from '../../../support/workloads.ts'

function page(annotations: Readonly<Record<string, string>>, ports: readonly DeclaredPort[] = [], option = {}): unknown {
  const pod: GuardedPod = {
    uid: 'u',
    name: 'api-1',
    namespace: 'shop',
    version: 'new',
    bornAt: NOON,
    restarts: 0,
    ports,
    probes: [],
    annotations: Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`prometheus.io/${name}`, value]))
  }
  const found = pageOf(pod, option)
  return found.kind === 'none' ? found.detail : `${found.page.scheme}:${found.page.port}${found.page.path}`
}

t.test('annotations come first, then a port’s name, then the option', async t => {
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'http-metrics', port: 9102 },
    { name: 'http-envoy-prom', port: 15_090 }
  ]
  t.equal(page({ port: '9999', path: '/actuator/prometheus', scheme: 'https' }, ports, { port: 1 }), 'https:9999/actuator/prometheus')
  t.equal(page({}, ports, { port: 1 }), 'http:9102/metrics')
  t.equal(page({}, [...ports, { name: 'metrics', port: 9103 }]), 'http:9103/metrics')
  t.equal(page({}, [{ name: 'https-metrics', port: 8443 }]), 'https:8443/metrics')
  t.equal(page({ port: 'http' }, ports), 'http:8080/metrics', 'the name of a port')
  t.equal(page({}, [{ name: 'http', port: 8080 }], { port: 8081, path: '/m?format=text' }), 'http:8081/m?format=text')
  t.match(page({}, [{ name: 'http', port: 8080 }]), /says nowhere where its metrics are/)
  t.match(page({ scrape: 'false', port: '9102' }), /not to be read/)
  t.equal(page({ scrape: 'true', port: '9102' }), 'http:9102/metrics')
})

t.test('what a pod says can lead nowhere else', async t => {
  for (const port of ['0', '65536', '-1', '80/x', '80@evil', 'nothing', '']) t.match(page({ port }), /is no port/, port)
  for (const path of [
    '/../../../secrets',
    '/..%2f..%2fsecrets',
    '/%2E%2e/secrets',
    '/a/./b',
    '/a/..',
    '\\..\\secrets',
    '/a\\..\\b',
    '/a%5c..',
    '//evil/metrics',
    'metrics',
    '@evil/metrics',
    '/a b',
    '/a\r\nX: y',
    '/a#b',
    '/ü',
    `/${'x'.repeat(400)}`,
    ''
  ])
    t.match(page({ port: '80', path }), /none that may be called/, path)
  t.equal(page({ port: '80', path: '/a..b/c?x=../y' }), 'http:80/a..b/c?x=../y', 'what is asked for climbs nowhere')
  t.match(page({ port: '80', scheme: 'file' }), /neither http nor https/)
})
