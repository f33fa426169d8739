import t from 'tap'
import { checkBreakerOptions } from '../../src/actions/circuit-breaker-reset/options.ts'
import { HTTP } from '../../src/actions/http/http.ts'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { ConfigError, readClientSettings, readConfig } from '../../src/config.ts'
import { alertmanager } from '../../src/notify/alertmanager/alertmanager.ts'
import { webhook } from '../../src/notify/webhook/webhook.ts'
import { loadPolicies } from '../../src/policies/load.ts'

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.message
    throw cause
  }
  throw new Error('nothing failed')
}

t.test('a setting with a URL that cannot be used is refused, and never told', async t => {
  for (const url of ['http://ann:s3cret@p:9090', 'http://ann:s3/cret@p:9090', 's3cret', 'ftp://p/s3cret', 'http://s3cret@[p']) {
    const config = messageOf(() => readConfig({}, { ASTERN_PROMETHEUS_URL: url }))
    t.match(config, /ASTERN_PROMETHEUS_URL/)
    t.notMatch(config, /s3/, url)
    t.notMatch(
      messageOf(() => readClientSettings({ server: url }, {})),
      /s3/,
      url
    )
  }
})

t.test('user info in a URL is refused at load, wherever a policy has one', async t => {
  const secret = /s3cret/
  const text = (sources: string): string => `version: 1\nsources: ${sources}\npolicies: []\n`
  for (const url of ['https://ann:s3cret@h', 'https://s3cret@h/x', 'https:\\\\ann:s3cret@h']) {
    for (const name of ['prometheus', 'alertmanager']) {
      const result = loadPolicies([{ file: 'p', text: text(JSON.stringify({ [name]: { url } })) }], VOCABULARY)
      t.match(result, { kind: 'bad', problems: [{ path: `sources.${name}.url`, message: /user info/ }] })
      t.notMatch(JSON.stringify(result), secret)
    }
    for (const said of [
      webhook.check({ url })[0]?.message,
      alertmanager.check({ url })[0]?.message,
      HTTP.check({ url }),
      checkBreakerOptions({ url }),
      checkBreakerOptions({ url: 'http://ann:s3cret@{{ pod.ip }}:1/x', each: 'pod' })
    ]) {
      t.type(said, 'string')
      t.notMatch(said, secret)
    }
  }
  t.match(loadPolicies([{ file: 'p', text: text('{ prometheus: { url: "p:9090" } }') }], VOCABULARY), { kind: 'bad' })
})

t.test('--allow-host takes what may stand in a Host header, and nothing else', async t => {
  t.same(readConfig({ allowHost: ['localhost:9090', '[::1]:90', 'astern.internal'] }, {}).allowHosts, [
    'localhost:9090',
    '[::1]:90',
    'astern.internal'
  ])
  t.same(readConfig({}, { ASTERN_ALLOW_HOSTS: 'a:1, b' }).allowHosts, ['a:1', 'b'])
  for (const host of ['http://localhost:9090', 'a/b', '*', 'a b', 'a:port', ''])
    t.throws(() => readConfig({ allowHost: [host] }, {}), /HOST or HOST:PORT/, host)
})
