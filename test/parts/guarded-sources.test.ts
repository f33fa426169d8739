import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { createSecretFiles } from '../../src/app/secret-files.ts'
import { createSources } from '../../src/app/sources.ts'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { createSecrets } from '../../src/base/secrets.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { loadPolicyPath } from '../../src/policies/store.ts'
import { freePort, startProcess } from '../../src/sandbox/processes.ts'
import { ALERTMANAGER, obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { makeCertificates } from '../support/certificates.ts'
import { waitUntil } from '../support/world/world.ts'

/** The hash of `test`, as Prometheus' guide to basic authentication has it. */
const HASH_OF_TEST = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay'

t.test('a real Prometheus and a real Alertmanager behind TLS, client certificates and a password are asked alike', async t => {
  const folder = t.testdir({
    password: 'test\n',
    wrong: 'wrong\n',
    'prometheus.yml': '{}',
    'am.yml': '{ route: { receiver: a }, receivers: [{ name: a }] }'
  })
  const at = (name: string): string => join(folder, name)
  const files = makeCertificates(at('tls'))
  writeFileSync(
    at('web.yml'),
    JSON.stringify({
      tls_server_config: {
        cert_file: files.server.cert,
        key_file: files.server.key,
        client_auth_type: 'RequireAndVerifyClientCert',
        client_ca_file: files.ca
      },
      basic_auth_users: { astern: HASH_OF_TEST }
    })
  )
  const [toPrometheus, toAlertmanager] = [await freePort(), await freePort()]
  const web = (port: number): readonly string[] => [
    `--web.config.file=${at('web.yml')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error'
  ]
  const servers = [
    startProcess(await obtainPart(PROMETHEUS, { variables: process.env }), [
      `--config.file=${at('prometheus.yml')}`,
      `--storage.tsdb.path=${at('tsdb')}`,
      ...web(toPrometheus)
    ]),
    startProcess(await obtainPart(ALERTMANAGER, { variables: process.env }), [
      `--config.file=${at('am.yml')}`,
      `--storage.path=${at('data')}`,
      '--cluster.listen-address=',
      ...web(toAlertmanager)
    ])
  ]
  t.teardown(async () => {
    for (const server of servers) await server.stop()
  })
  const tls = { ca: readFileSync(files.ca), cert: readFileSync(files.client.cert), key: readFileSync(files.client.key) }
  const answers = (port: number): Promise<boolean> =>
    new Promise(resolve => {
      const asked = request({ host: '127.0.0.1', port, path: '/-/ready', ...tls, auth: 'astern:test' }, response => {
        response.resume()
        resolve(response.statusCode === 200)
      })
      asked.on('error', () => resolve(false))
      asked.end()
    })
  for (const port of [toPrometheus, toAlertmanager]) await waitUntil(() => answers(port), 'the server is ready')

  const statusWith = async (passwordFile: string, more: Readonly<Record<string, string>>) => {
    const source = (port: number) => ({
      url: `https://127.0.0.1:${port}`,
      basicAuth: { username: 'astern', passwordFile },
      caFile: files.ca,
      ...more
    })
    writeFileSync(
      at('p.yaml'),
      JSON.stringify({ version: 1, sources: { prometheus: source(toPrometheus), alertmanager: source(toAlertmanager) }, policies: [] })
    )
    const loaded = await loadPolicyPath(at('p.yaml'), VOCABULARY)
    if (loaded.kind === 'bad') throw new Error(JSON.stringify(loaded.problems))
    const secrets = createSecrets()
    const http = createHttpClient(Date.now, secrets.scrub)
    t.teardown(() => http.close())
    return createSources({ http, clock: systemClock, readSecret: createSecretFiles(secrets).read, prometheusUrl: undefined })(
      loaded.set
    ).status(AbortSignal.timeout(10_000))
  }
  const client = { certFile: files.client.cert, keyFile: files.client.key }
  const both = (status: object) => ({ prometheus: status, alertmanager: status })
  t.match(await statusWith(at('password'), client), both({ reachable: true }))
  t.match(await statusWith(at('wrong'), client), both({ reachable: false, detail: /401.*Unauthorized/ }))
  t.match(await statusWith(at('password'), {}), both({ reachable: false }), 'without the client certificate')
})
