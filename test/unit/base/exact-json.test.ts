import fc from 'fast-check'
import t from 'tap'
import { parseExactly } from '../../../src/base/exact-json.ts'
import { canonicalJson, isObject, numberAt } from '../../../src/base/json.ts'
import { scrubbedCopy } from '../../../src/base/secrets.ts'

t.test('numbers are printed again as they were written', async t => {
  for (const number of ['9223372036854775807', '-9007199254740993', '2.0', '1e3', '-0', '0.1', '1.50', '18446744073709551615', '7']) {
    const text = `{"a":[${number}],"b":${number}}`
    t.equal(JSON.stringify(parseExactly(text)), text)
    t.equal(canonicalJson(parseExactly(text)), text)
    t.equal(JSON.stringify(scrubbedCopy(parseExactly(text), text => text)), text, 'a copy too')
  }
  t.equal(JSON.stringify(parseExactly('9223372036854775807')), '9223372036854775807')
})

t.test('what is printed as it was written stays a number', async t => {
  t.equal(numberAt(parseExactly('{"a":9007199254740991,"b":0.5}'), 'a'), Number.MAX_SAFE_INTEGER)
  t.equal(numberAt(parseExactly('{"a":9007199254740991,"b":0.5}'), 'b'), 0.5)
  t.notOk(isObject(parseExactly('9223372036854775807')), 'and what is not is no object')
})

t.test('any text of JSON is printed again as it was', async t => {
  const number = fc.oneof(
    fc.bigInt().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => (Object.is(value, -0) ? '-0' : String(value))),
    fc.tuple(fc.integer(), fc.nat(999)).map(([whole, part]) => `${whole}.${part}0`)
  )
  const { json } = fc.letrec<{ json: string }>(tie => ({
    json: fc.oneof(
      { maxDepth: 4 },
      number,
      fc.string().map(text => JSON.stringify(text)),
      fc.constantFrom('true', 'false', 'null', '"nginx:1.25"', '":1.5,"'),
      fc.array(tie('json'), { maxLength: 4 }).map(items => `[${items.join(',')}]`),
      fc
        .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), tie('json')), { maxLength: 4, selector: ([key]) => key })
        .map(members => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`)
    )
  }))
  fc.assert(
    fc.property(json, text => {
      t.equal(JSON.stringify(parseExactly(text)), text)
    })
  )
})
