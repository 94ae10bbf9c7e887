import { describe, expect, test } from '@jest/globals';
import { child, element, formatXml, parseXml } from '../../src/libvirt/xml.js';

describe('parseXml', () => {
  test('reads attributes, text, references and character data', () => {
    const root = parseXml(
      `<?xml version="1.0"?>\n<a x="1 &amp; &#10;&#x41;&quot;&amp;lt;"><!-- no --><b>t &lt; &#65;</b><c/><![CDATA[x<y]]></a>`,
    );
    expect(root.name).toBe('a');
    expect(root.attributes['x']).toBe('1 & \nA"&lt;');
    expect(child(root, 'b')?.text).toBe('t < A');
    expect(child(root, 'c')?.children).toEqual([]);
    expect(root.text).toBe('x<y');
  });

  test('keeps the order of children and finds only direct ones', () => {
    const root = parseXml('<a><b i="1"/><c><b i="3"/></c><b i="2"/></a>');
    expect(root.children.map(({ name, attributes }) => name + (attributes['i'] ?? ''))).toEqual(['b1', 'c', 'b2']);
  });

  test.each([
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY e "zz">]><a>&e;</a>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'],
    ['entities that grow', '<!doctype a [<!ENTITY e "xx"><!ENTITY f "&e;&e;&e;">]><a>&f;</a>'],
    ['a tag that is not closed', '<a><b></a>'],
    ['nothing', ''],
    ['no XML', 'garbage'],
    ['two roots', '<a/><b/>'],
    ['an attribute twice', '<a x="1" x="2"/>'],
    ['depth without end', '<a>'.repeat(100_000) + '</a>'.repeat(100_000)],
    ['a name that JavaScript treats specially', '<a><__proto__ x="1"/></a>'],
    ['more elements than libvirt writes', `<a>${'<b/>'.repeat(700_000)}</a>`],
    ['more than libvirt writes', `<a>${' '.repeat(5 * 1024 * 1024)}</a>`],
  ])('refuses %s', (_, text) => {
    expect(() => parseXml(text)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_LIBVIRT' }));
  });
});

test('formatXml escapes, and parseXml reads it back', () => {
  const nasty = `a"b'c<d>&e\nf\t&amp;`;
  const root = element('r', { v: nasty, n: 3, none: undefined }, [element('t', {}, nasty), element('empty')]);
  const text = formatXml(root);
  expect(text).not.toContain('<d>');
  const back = parseXml(text);
  expect(back.attributes).toEqual({ v: nasty, n: '3' });
  expect(child(back, 't')?.text).toBe(nasty);
});
