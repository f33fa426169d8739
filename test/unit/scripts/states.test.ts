import { readFileSync } from 'node:fs'
import t from 'tap'
import { picture } from '../../../scripts/states.ts'
import { RUN_STATES, transitions } from '../../../src/domain/run.ts'

t.test('the picture of the states is made from the table', async t => {
  t.equal(readFileSync('docs/run-states.svg', 'utf8'), picture(), 'run `npm run states`')
  t.same(new Set(transitions().flatMap(({ from, to }) => [from, to])), new Set(RUN_STATES))
})

t.test('what causes a transition stands in the legend, in lines that fit', async t => {
  const why = 'the write is known to be there & its rollout <begins>, '.repeat(4)
  const drawn = picture([{ from: 'executing', to: 'watching', why }])
  t.match(drawn, /executing → watching: the write is known to be there &amp; its rollout &lt;begins&gt;/)
  for (const [, text = ''] of drawn.matchAll(/<text x="70" y="\d+">(.*?)<\/text>/g))
    t.ok(text.replaceAll(/&\w+;/g, '&').length <= 106, text)
})

t.test('a transition that nobody has placed is told', async t => {
  t.throws(() => picture([{ from: 'waiting', to: 'watching', why: 'x' }]), /waiting → watching has no place in the picture yet/)
  t.throws(() => picture([{ from: 'waiting', to: 'dreaming', why: 'x' }]), /the state dreaming has no place/)
})
