import t from 'tap'
import type { Message } from '../../../src/domain/message.ts'
import { factsOf } from '../../../src/notify/facts.ts'
import { slackText } from '../../../src/notify/slack/blocks.ts'
import { MESSAGE } from '../../support/channel-tools.ts'

function told(changed: unknown): ReturnType<typeof factsOf> {
  const message: Message = { ...MESSAGE, details: { ...MESSAGE.details, changed } }
  return factsOf(message)
}

const CLAIM = { version: 'v2', commit: 'c0ffee', author: 'ann', url: 'https://git.example.org/c0ffee', by: 'shop-pipeline' }

t.test('what the cluster shows of a change, and what somebody claims of it, are told apart', async t => {
  const { lines, links } = told({
    at: '2026-03-01T11:55:02.000Z',
    by: 'helm',
    differs: ['image of api: app:v1 → app:v2'],
    release: 'shop/api, revision 7',
    markers: [CLAIM]
  })
  t.match(
    lines.find(({ label }) => label === 'Changed')?.text,
    'image of api: app:v1 → app:v2, release shop/api, revision 7, at 2026-03-01T11:55:02.000Z, by helm'
  )
  t.equal(lines.find(({ label }) => label === 'Deployed')?.text, 'according to shop-pipeline: version v2, commit c0ffee, author ann')
  t.same(links.at(-1), { text: 'Change (according to CI)', url: 'https://git.example.org/c0ffee' })
})

t.test('a claim mentions nobody, forges no link, and is cut', async t => {
  const evil = { ...CLAIM, author: '<!channel> <https://evil.example|look>', commit: 'x'.repeat(5_000), version: 'v\n2\u202e' }
  for (const url of [
    'http://evil.example',
    'javascript:alert(1)',
    'https://user:secret@git.example.org/',
    `https://git.example.org/${'x'.repeat(3_000)}`
  ])
    t.same(told({ differs: [], markers: [{ ...evil, url }] }).links, [], url.slice(0, 40))
  const facts = told({ differs: [], markers: [evil] })
  const line = facts.lines.find(({ label }) => label === 'Deployed')
  t.ok((line?.text.length ?? 0) <= 300)
  t.notMatch(line?.text, /\n|\u202e/)
  const { blocks } = slackText(told({ differs: [], markers: [{ ...evil, commit: 'c' }] }), 'needs-people')
  for (const block of blocks) if (JSON.stringify(block).includes('<!channel>')) t.match(block, { text: { type: 'plain_text' } })
})

t.test('many differences are counted, and nothing is said of what is not known', async t => {
  const differs = Array.from({ length: 8 }, (_, index) => `variable V${index} of api`)
  t.match(told({ differs, markers: [] }).lines.find(({ label }) => label === 'Changed')?.text, /V4 of api and 3 more$/)
  t.same(
    told(undefined).lines.filter(({ label }) => label === 'Changed' || label === 'Deployed'),
    []
  )
  t.same(
    told({ markers: 'nonsense', differs: 7 }).lines.filter(({ label }) => label === 'Changed' || label === 'Deployed'),
    []
  )
})
