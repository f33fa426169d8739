import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { loadPolicies, type PolicySet } from '../../../src/policies/load.ts'
import { channelTools } from '../../support/channel-tools.ts'

const KNOWN = CHANNELS.filter(kind => kind.standing !== true)
  .map(kind => kind.name)
  .join(', ')

const fileOf = (channels: string): string => `version: 1\nchannels:\n  people: ${channels}\npolicies: []\n`

function load(text: string) {
  return loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
}

function problemsOf(text: string): string[] {
  const result = load(text)
  return result.kind === 'bad'
    ? result.problems.map(problem => `${problem.line}:${problem.column} ${problem.path}: ${problem.message}`)
    : []
}

function setOf(text: string): PolicySet {
  const result = load(text)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  return result.set
}

t.test('each channel is loaded with its kind and its settings', async t => {
  t.same(setOf(fileOf('{ webhook: { urlFile: /url } }\n  am: { alertmanager: { url: "http://am:9093" } }')).channels, {
    people: { kind: 'webhook', settings: { urlFile: '/url' } },
    am: { kind: 'alertmanager', settings: { url: 'http://am:9093' } }
  })
})

t.test('an unknown kind, or an unknown setting of a kind, is told with the nearest one that there is', async t => {
  t.same(problemsOf(fileOf('{ webhok: { url: "https://a" } }')), [
    '3:13 channels.people.webhok: unknown key "webhok"; did you mean "webhook"?'
  ])
  t.same(problemsOf(fileOf('{ pigeon: {} }')), [
    `3:13 channels.people.pigeon: unknown key "pigeon"; known here: ${KNOWN}, fallback, fallbackAfter`
  ])
  t.same(problemsOf(fileOf('{ webhook: { urll: "https://a" } }')), [
    '3:24 channels.people.webhook.urll: unknown key "urll"; did you mean "url"?'
  ])
  t.same(problemsOf(fileOf('{ alertmanager: {} }')), ['3:27 channels.people.alertmanager: "url" is missing'])
})

t.test('one channel is of one kind', async t => {
  const one = `3:11 channels.people: is one of ${KNOWN}`
  t.same(problemsOf(fileOf('{ webhook: { url: "https://a" }, alertmanager: { url: "http://am" } }')), [one])
  t.same(problemsOf(fileOf('{}')), [one])
})

t.test('what no schema can say is told where it stands', async t => {
  t.same(problemsOf(fileOf('{ webhook: {} }')), ['3:22 channels.people.webhook: needs url or urlFile, and not both'])
  t.same(problemsOf(fileOf('{ webhook: { url: "http://example.org" } }')), [
    '3:29 channels.people.webhook.url: must begin with https:// (http only on loopback)'
  ])
  t.same(problemsOf(fileOf('{ alertmanager: { url: "ftp://am" } }')), ['3:34 channels.people.alertmanager.url: must begin with https://'])
})

t.test('a channel that stands by itself cannot be configured, nor its name be given to another', async t => {
  t.same(problemsOf('version: 1\nchannels:\n  kubernetes-event: { webhook: { url: "https://a" } }\npolicies: []\n'), [
    '3:3 channels.kubernetes-event: "kubernetes-event" is a channel that Astern has by itself, and needs no settings: choose another name'
  ])
  t.same(problemsOf(fileOf('{ kubernetes-event: {} }')), [
    `3:13 channels.people.kubernetes-event: unknown key "kubernetes-event"; known here: ${KNOWN}, fallback, fallbackAfter`
  ])
})

t.test('where a channel falls back to is another one, and the way never leads back', async t => {
  const fileWith = (people: string, other: string): string =>
    `version: 1\nchannels:\n  people: { webhook: { url: "https://a" }, ${people} }\n  other: { webhook: { url: "https://b" }${other} }\npolicies: []\n`
  t.same(problemsOf(fileWith('fallback: other, fallbackAfter: 5m', '')), [])
  t.same(problemsOf(fileWith('fallback: others', '')), ['3:54 channels.people.fallback: there is no channel "others"'])
  t.same(problemsOf(fileWith('fallbackAfter: 5m', '')), [
    '3:59 channels.people.fallbackAfter: needs fallback, the channel that it is about'
  ])
  t.match(problemsOf(fileWith('fallback: people', '')), [/fallback: leads back to "people"/])
  t.match(problemsOf(fileWith('fallback: other', ', fallback: people')), [/leads back/, /leads back/])
  const loaded = load(fileWith('fallback: other', ''))
  t.same(loaded.kind === 'loaded' && loaded.set.channels['people']?.fallback, { to: 'other', after: 600_000 })
})

t.test('every kind hears of whom Astern needs: mode auto relies on it', async t => {
  for (const { name, takes } of CHANNELS) t.ok(takes.includes('needs-people') && takes.includes('approval'), name)
  t.equal(new Set(CHANNELS.map(kind => kind.name)).size, CHANNELS.length)
})

t.test('settings that were not checked make no channel', async t => {
  for (const kind of CHANNELS) t.throws(() => kind.open({ nonsense: 1 }, channelTools()), /not checked at load/)
})
