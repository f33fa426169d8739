import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { hasUserInfo, RedactedUrl, toldUrl } from '../../../src/base/redacted-url.ts'
import { createSecrets, scrubbedCopy } from '../../../src/base/secrets.ts'
import { seeded } from '../../support/seed.ts'

t.test('a known credential of 8 characters and more is scrubbed, in every spelling that others give it', async t => {
  const secrets = createSecrets()
  secrets.know(' p@ss "word"/1 \n')
  const spellings = ['p@ss "word"/1', 'p@ss \\"word\\"/1', 'p%40ss%20%22word%22%2F1', Buffer.from('p@ss "word"/1').toString('base64url')]
  for (const spelling of spellings) t.equal(secrets.scrub(`<${spelling}>`), '<[redacted]>', spelling)
  secrets.know('short')
  t.equal(secrets.scrub('a short word'), 'a short word', 'shorter ones would make holes in ordinary words')
})

t.test('a header’s value: its words, and what is in basic authentication', async t => {
  const secrets = createSecrets()
  secrets.know('Bearer eyJhbGciOi.abcdef')
  secrets.know(`Basic ${Buffer.from('ann:hunter2hunter2').toString('base64')}`)
  t.equal(secrets.scrub('got eyJhbGciOi.abcdef and hunter2hunter2'), 'got [redacted] and [redacted]')
  t.equal(secrets.scrub('Bearer of news, ann'), 'Bearer of news, ann')
})

t.test('a key: each of its lines, and not the words around it', async t => {
  const secrets = createSecrets()
  secrets.know('-----BEGIN ENCRYPTED KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END ENCRYPTED KEY-----\n')
  t.equal(secrets.scrub('hkiG9w0BAQEFAASC is ENCRYPTED'), '[redacted] is ENCRYPTED')
})

t.test('a URL in a file: the whole, what is behind its host, and what looks like a key, but no ordinary word', async t => {
  const secrets = createSecrets()
  secrets.know('https://bot:pa55-w0rd@hooks.example/services/T024BE7LH/key?sig=Abcdefgh9')
  for (const echoed of ['/services/T024BE7LH/key?sig=Abcdefgh9', 'T024BE7LH', 'Abcdefgh9', 'pa55-w0rd'])
    t.equal(secrets.scrub(`no ${echoed}!`), 'no [redacted]!', echoed)
  t.equal(secrets.scrub('services at hooks.example'), 'services at hooks.example')
})

t.test('of two secrets that begin alike nothing is left', async t => {
  const secrets = createSecrets()
  secrets.know('abcdefgh')
  secrets.know('abcdefghijklmnop')
  t.equal(secrets.scrub('abcdefghijklmnop'), '[redacted]')
})

t.test('a copy is scrubbed however deep, and its keys stay', async t => {
  const secrets = createSecrets()
  secrets.know('s3cret-s3cret')
  t.same(scrubbedCopy({ a: [{ b: 'x s3cret-s3cret' }, 1, null], c: true }, secrets.scrub), { a: [{ b: 'x [redacted]' }, 1, null], c: true })
})

t.test('whatever a secret is, no text has it afterwards', async t => {
  const found = fc.check(
    fc.property(fc.array(fc.string({ minLength: 8, maxLength: 40 }), { minLength: 1, maxLength: 5 }), fc.string(), (values, around) => {
      const secrets = createSecrets()
      for (const value of values) secrets.know(value)
      return values.every(value => value.trim().length < 8 || !secrets.scrub(`${around} ${value} ${around}`).includes(value.trim()))
    }),
    { ...seeded(12), numRuns: 1_000 }
  )
  t.notOk(found.failed, JSON.stringify(found.counterexample))
})

t.test('a redacted URL is told the same way everywhere', async t => {
  const written = RedactedUrl.written('https://ann:pw@h.example:1/a/b?key=1#x')
  const file = RedactedUrl.inFile('https://h.example/KEY', '/etc/url')
  for (const [url, told] of [
    [written, 'https://h.example:1/a/b'],
    [file, 'the URL in /etc/url']
  ] as const) {
    t.equal(`${url}`, told)
    t.equal(JSON.stringify({ url }), JSON.stringify({ url: told }))
    t.equal(inspect(url), told)
    t.notMatch(inspect(url, { showHidden: true, depth: 5 }), /KEY|pw/)
  }
  t.equal(file.reveal(), 'https://h.example/KEY')
  t.equal(toldUrl('http://{{ pod.ip }}:8080/x/{{ labels.a }}?q=1'), 'http://{{ pod.ip }}:8080/x/{{ labels.a }}', 'templates stay')
  t.equal(toldUrl('https://ann:pa/ss@host/x'), 'a URL that cannot be read', 'a slash in a password')
})

t.test('user info in a URL is found, however it is written', async t => {
  for (const url of [
    'http://a@h',
    'https://a:b@h/x',
    'http:\\\\a:b@h',
    'HTTP://a:b@h',
    'http:a:b@h',
    'https://:b@h',
    'http://{{x}}@h',
    'not-http://a:b@h'
  ])
    t.ok(hasUserInfo(url), url)
  for (const url of ['http://h/@x', 'https://h?a@b', 'https://h#a@b', 'http://h:80/a:b@c', 'nothing']) t.notOk(hasUserInfo(url), url)
})
