import fc from 'fast-check'
import t from 'tap'
import { clean, cutTo, oneLine } from '../../../src/notify/cut.ts'

t.test('what is cut is whole characters, no longer than allowed, and says so', async t => {
  t.equal(cutTo('short', 10), 'short')
  t.equal(cutTo('a longer text', 10), 'a l… (cut)')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 8, max: 40 }), (text, most) => {
      const cut = cutTo(text, most)
      return cut.length <= most && cut.isWellFormed() && (text.length > most ? cut.endsWith('… (cut)') : cut === text)
    })
  )
  t.ok(cutTo(`a${'𝛼'.repeat(20)}`, 11).isWellFormed())
  t.ok(cutTo(`a${'𝛼'.repeat(20)}`, 12).isWellFormed())
})

t.test('nothing invisible is left: no control character, no turned direction, no half pair', async t => {
  t.equal(clean('a\r\nb\rc\u202ed\u0007e\u200bf\ud800'), 'a\nb\nc d e f\ufffd')
  t.equal(oneLine('  a\n\n b\tc '), 'a b c')
})
