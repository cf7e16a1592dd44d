// Somebody else's TUF client takes a repository that airlock wrote.
// Usage: node tuf_js.js REPO FIRST_ROOT TARGET: from that root, prints the content of the target, or fails.
// tuf-js is found through NODE_PATH. Files are read from the folder; no network.
const fs = require("fs");
const os = require("os");
const path = require("path");
const { BaseFetcher, Updater } = require("tuf-js");
const { DownloadHTTPError } = require("tuf-js/dist/error");

const [repo, firstRoot, target] = process.argv.slice(2);

class FolderFetcher extends BaseFetcher {
  async fetch(url) {
    const file = path.join(repo, decodeURIComponent(new URL(url).pathname));
    if (!fs.existsSync(file)) throw new DownloadHTTPError(`no file ${file}`, 404);  // as a server would say it
    const bytes = fs.readFileSync(file);
    return new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
    });
  }
}

async function main() {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), "tuf-js-"));
  try {
    fs.mkdirSync(path.join(state, "targets"));
    fs.copyFileSync(firstRoot, path.join(state, "root.json"));
    const updater = new Updater({
      metadataDir: state,
      metadataBaseUrl: "http://repository/metadata",
      targetDir: path.join(state, "targets"),
      targetBaseUrl: "http://repository/targets",
      fetcher: new FolderFetcher(),
    });
    await updater.refresh();
    const info = await updater.getTargetInfo(target);
    if (info === undefined) throw new Error(`no role names ${target}`);
    process.stdout.write(fs.readFileSync(await updater.downloadTarget(info)));
  } finally {
    fs.rmSync(state, { recursive: true });
  }
}

main().catch((error) => {
  console.error(error.name + ": " + error.message);
  process.exit(1);
});
