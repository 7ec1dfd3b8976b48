import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { certainEncoding, encodingNamed, StreamDecoder } from '../../src/text-file/encoding.js';
import { likelyEncoding } from '../../src/text-file/likely-encoding.js';

describe('an encoding that nobody named', () => {
  const text = 'fileId,标题\n5285485487985271487,第一集\n';
  it.each([
    ['utf-16le', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['utf-16le', Buffer.from(text, 'utf16le')],
    ['utf-16be', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['utf-16be', Buffer.from(text, 'utf16le').swap16()],
    ['utf-8', Buffer.from(`\ufeff${text}`)],
    ['utf-32', iconv.encode(text, 'utf-32le', { addBOM: true })],
    [null, Buffer.from(text)],
    [null, iconv.encode(text, 'gb18030')],
    [null, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 0, 1, 0, 0, 0])],
    [null, Buffer.alloc(0)],
  ])('is known by its bytes where they are certain: %s', (encoding, bytes) => {
    expect(certainEncoding(bytes)).toBe(encoding);
  });

  it('is guessed as one of several, or as none, where a text fits more than one or none', () => {
    const guess = (text: string, encoding: string) => likelyEncoding(iconv.encode(text, encoding))?.called ?? null;
    expect(guess('한국어 제목', 'euc-kr')).toBe('Chinese (GB18030 or GBK) or Korean (EUC-KR)');
    expect(guess('あのタイトル', 'euc-jp')).toBe('Chinese (Big5) or Japanese (EUC-JP)');
    expect(guess('鑫淼', 'gbk')).toBeNull();
    expect(guess('Café crème', 'macintosh')).toBeNull();
  });

  it.each([
    ['gb18030', '第一集'],
    ['gb18030', '王芳'],
    ['gb18030', '我的视频第二集，中文字幕'],
    ['big5', '第一集 繁體中文影片'],
    ['big5', '臺灣的影片'],
    ['shift_jis', '日本語のタイトル'],
    ['windows-1252', 'Café “Best” – naïve'],
    ['windows-1252', 'Straße'],
    ['windows-1252', 'Übermäßig schöne Töne, déjà vu, créée'],
    ['windows-1251', 'Привет мир'],
    ['windows-1251', 'Москва'],
  ])('is guessed from what is not UTF-8: %s of %s', (encoding, text) => {
    expect(likelyEncoding(iconv.encode(text, encoding))?.name).toBe(encoding);
    const csv = `fileId,title,publish\n5285485487985271487,ä,x\n5285485487985271487,x,"${text}"\n`;
    const bytes = Buffer.concat([Buffer.from('fileId,ä\n'), iconv.encode(csv.replace('ä', 'a'), encoding)]);
    expect(likelyEncoding(bytes)?.name).toBe(encoding);
  });
});

it('has the names that programs and people use', () => {
  const names = [
    'GBK',
    'gb2312',
    'cp936',
    'x-gbk',
    '936',
    'ISO-8859-1',
    'latin1',
    'CP1252',
    'utf-8-sig',
    'US-ASCII',
    'sjis',
  ];
  expect(names.map(encodingNamed)).toEqual([
    ...Array(5).fill('gb18030'),
    ...Array(3).fill('windows-1252'),
    ...Array(2).fill('utf-8'),
    'shift_jis',
  ]);
  expect(['hex', 'base64', 'utf-7', 'ansi', '', 'binary', 'internal'].map(encodingNamed)).toEqual(Array(7).fill(null));
});

describe('decoding', () => {
  const decoded = (encoding: string, bytes: Uint8Array, chunk: number) => {
    const decoder = new StreamDecoder(encoding);
    let text = '';
    for (let at = 0; at < bytes.length; at += chunk) text += decoder.text(bytes.subarray(at, at + chunk));
    return { text: text + decoder.text(null), decoder };
  };

  it.each([['utf-8'], ['utf-16le'], ['gb18030'], ['big5'], ['shift_jis']])(
    'of %s does not depend on where it is cut',
    (encoding) => {
      const text = 'a,第一\n"b",一\n';
      for (const chunk of [1, 2, 3, 1_000]) {
        const { text: read, decoder } = decoded(encoding, iconv.encode(text, encoding), chunk);
        expect([read, decoder.broken]).toEqual([text, null]);
      }
    },
  );

  it('tells where the bytes begin that do not fit, and never takes a quote, a comma or a line end with them', () => {
    for (const encoding of ['utf-8', 'gb18030', 'big5', 'euc-kr', 'shift_jis']) {
      const bytes = Buffer.from([0x61, 0x0a, 0xff, 0x22, 0xfe, 0x2c, 0xff, 0x0a, 0x62]);
      for (const chunk of [1, 100]) {
        const { text, decoder } = decoded(encoding, bytes, chunk);
        expect(text.replaceAll(/[^\n",ab]/g, '')).toBe('a\n",\nb');
        expect(decoder.broken?.line).toBe(2);
      }
    }
  });

  it('takes U+FFFD that stands in the text for what it is', () => {
    expect(decoded('utf-8', Buffer.from('a\ufffd\n'), 1).decoder.broken).toBeNull();
  });

  it('notices a text in UTF-8 that was said to be something else', () => {
    expect(decoded('windows-1252', Buffer.from('Café'), 2).decoder.isRatherUtf8()).toBe(true);
    expect(decoded('windows-1252', iconv.encode('Café', 'windows-1252'), 2).decoder.isRatherUtf8()).toBe(false);
    expect(decoded('gb18030', Buffer.from('第一集第二集第三集'), 2).decoder.isRatherUtf8()).toBe(true);
    expect(decoded('gb18030', iconv.encode('第一集第二集第三集', 'gbk'), 2).decoder.isRatherUtf8()).toBe(false);
  });

  it('gives the euro and quotes of Windows-1252, and refuses bytes that mean nothing there', () => {
    expect(decoded('windows-1252', Buffer.from([0x80, 0x93, 0x94]), 5).text).toBe('€“”');
    expect(decoded('windows-1252', Buffer.from([0x81]), 5).decoder.broken).not.toBeNull();
  });
});
