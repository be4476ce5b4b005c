import t from 'tap'
import { toAll } from '../../../src/log/all-sinks.js'

t.test('a record goes to everyone who is there, in their order, or nowhere', t => {
  const told: string[] = []
  const to = (name: string) => (record: string) => void told.push(`${name} ${record}`)
  toAll(to('metrics'), to('log'))('a')
  toAll(to('metrics'), undefined)('b')
  toAll(undefined, to('log'))?.('c')
  toAll(to('metrics'), undefined, to('spans'), to('log'))('d')
  t.equal(toAll<string>(undefined, undefined), undefined)
  t.strictSame(told, ['metrics a', 'log a', 'metrics b', 'log c', 'metrics d', 'spans d', 'log d'])
  t.end()
})
