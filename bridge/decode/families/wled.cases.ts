import type { Table } from './table.ts'

export default {
  family: 'wled',
  stories: {
    values: [
      ['wled/shelf/g', '64', { device: 'shelf', fields: { g: 64 } }],
      ['wled/shelf/c', '#00FF10', { device: 'shelf', fields: { c: '#00FF10' } }],
    ],
    'commands and markup': [
      ['wled/shelf/api', { on: true }, 'ignored'],
      ['wled/shelf/v', '<vs><ac>1</ac></vs>', 'ignored'],
      ['wled/shelf', 'T', 'ignored'],
    ],
  },
} satisfies Table
