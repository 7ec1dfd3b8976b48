import { expect, it } from 'vitest';
import { checkedInRoomsDoc, roomsDoc } from '../../tools/make-rooms-doc.js';

it('docs/rooms.md is drawn from the imports as they are; else run `npm run docs:rooms`', async () => {
  expect(checkedInRoomsDoc()).toBe(await roomsDoc());
});
