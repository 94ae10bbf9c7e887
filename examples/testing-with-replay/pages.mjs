export const pages = {
  'about.html': '<h1>About</h1>\n',
  'index.html': '<h1>Hello</h1>\n',
};
