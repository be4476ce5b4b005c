import t from 'tap'
import { formatPointer, parsePointer } from '../../../src/json/pointer.js'

t.test('RFC 6901 §5: the examples are read and written back', t => {
  const rows: [string, string[]][] = [
    ['', []],
    ['/foo', ['foo']],
    ['/foo/0', ['foo', '0']],
    ['/', ['']],
    ['/a~1b', ['a/b']],
    ['/c%d', ['c%d']],
    ['/i\\j', ['i\\j']],
    ['/k"l', ['k"l']],
    ['/ ', [' ']],
    ['/m~0n', ['m~n']],
    ['/~01', ['~1']],
  ]
  for (const [text, pointer] of rows) {
    t.strictSame(parsePointer(text), pointer, text)
    t.equal(formatPointer(pointer), text)
  }
  t.end()
})

t.test('what is no pointer is refused', t => {
  for (const text of ['foo', '#/foo', ' /foo', '/a~', '/a~2b']) t.equal(parsePointer(text), undefined, text)
  t.end()
})
