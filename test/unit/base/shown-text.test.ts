import fc from 'fast-check'
import t from 'tap'
import { shownText } from '../../../src/base/shown-text.ts'

t.test('a foreign text moves no cursor, hides nothing, and turns nothing', async t => {
  t.equal(shownText('a\u001b[31mb\u202ec\u200bd\u2028e\u0000', 100), 'a\\u{1b}[31mb\\u{202e}c\\u{200b}d\\u{2028}e\\u{0}')
  t.equal(shownText(' one\r\n  two\n', 100), 'one two')
  t.equal(shownText('grün 日本 😀', 100), 'grün 日本 😀')
  t.equal(shownText('😀😀😀😀', 3), '😀😀…')
})

t.test('whatever it is, what is shown is one short line', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 40 }), (text, limit) => {
      const shown = shownText(text, limit)
      t.notMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      t.ok([...shown].length <= limit)
    })
  )
})
