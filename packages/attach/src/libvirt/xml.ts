import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import { GuestfsError } from '@guestfs/core';

/** An element of an XML document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The character data directly inside, joined. */
  readonly text: string;
}

/** Libvirt's documents are some 10 KiB; one with hundreds of disks stays below this. */
const LONGEST = 4 * 1024 * 1024;
/** A machine with all the disks there can be has some thousand; parsing takes longer than in proportion. */
const MOST_ELEMENTS = 20_000;

const FORMAT = { preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '' } as const;
const parser = new XMLParser({
  ...FORMAT,
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // With this, numeric references are understood too; libvirt writes a line break in a file name as one.
  htmlEntities: true,
});
const builder = new XMLBuilder({ ...FORMAT, suppressEmptyNode: true });

/**
 * Reads a document and returns its root element.
 *
 * Documents with a DOCTYPE are refused before they are parsed: libvirt never writes one, and entities defined there
 * could name files or grow without end. Throws `ERR_GUESTFS_LIBVIRT` for whatever is not well-formed.
 */
export function parseXml(text: string): XmlElement {
  if (text.length > LONGEST) throw unreadable(`it has ${text.length} characters; ${LONGEST} are allowed`);
  if (/<!DOCTYPE/i.test(text)) throw unreadable('it has a DOCTYPE, and entities defined there are never expanded');
  const elements = text.match(/<[^/!?]/g)?.length ?? 0;
  if (elements > MOST_ELEMENTS) throw unreadable(`it has ${elements} elements; ${MOST_ELEMENTS} are allowed`);
  let nodes: unknown;
  try {
    nodes = parser.parse(text, true);
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
  const roots = toElements(nodes);
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw unreadable(`it has ${roots.length} root elements instead of one`);
  return root;
}

/** Writes an element as a document; every value is escaped. */
export function formatXml(root: XmlElement): string {
  return builder.build([toNode(root)]);
}

/** Makes an element to be written; attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  content: readonly XmlElement[] | string = [],
): XmlElement {
  const set = Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  const [children, text] = typeof content === 'string' ? [[], content] : [content, ''];
  return { name, attributes: Object.fromEntries(set) as Record<string, string>, children, text };
}

/** The first child with a name. */
export function child(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((candidate) => candidate.name === name);
}

/** All children with a name, in order. */
export function children(parent: XmlElement | undefined, name: string): readonly XmlElement[] {
  return parent?.children.filter((candidate) => candidate.name === name) ?? [];
}

type Node = Record<string, unknown>;

function toElements(nodes: unknown): XmlElement[] {
  return (nodes as Node[]).flatMap((node) => {
    const name = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (name === undefined) return [];
    const inside = node[name] as Node[];
    const text = inside.map((part) => (typeof part['#text'] === 'string' ? part['#text'] : '')).join('');
    return [{ name, attributes: (node[':@'] ?? {}) as Record<string, string>, children: toElements(inside), text }];
  });
}

function toNode({ name, attributes, children: inside, text }: XmlElement): Node {
  return { [name]: text === '' ? inside.map(toNode) : [{ '#text': text }], ':@': attributes };
}

function unreadable(why: string, cause?: unknown): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_LIBVIRT', `libvirt's XML cannot be read: ${why}`, {
    hint: 'look at it with: virsh dumpxml DOMAIN',
    cause,
  });
}
