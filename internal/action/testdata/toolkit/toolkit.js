// Stands for four actions of GitHub, by the toolkit that they are made of. Each does what its action does with the inputs that
// the gate's action gives. It is bundled once, and the name of the file that is started says which one it is.
import fs from 'node:fs'
import path from 'node:path'
import {DefaultArtifactClient} from '@actions/artifact'
import * as cache from '@actions/cache'
import * as core from '@actions/core'
import * as glob from '@actions/glob'
import {Minimatch} from 'minimatch'

const artifacts = new DefaultArtifactClient()
const needed = name => core.getInput(name, {required: true})

// root is the folder that the names in an artifact begin below: the one that all patterns begin in.
function root(paths, files) {
  if (paths.length === 1) return files.length === 1 && files[0] === paths[0] ? path.dirname(files[0]) : paths[0]
  const parts = paths.map(p => path.normalize(p).split(path.sep))
  let n = 0
  while (parts.every(p => n < p.length && p[n] === parts[0][n])) n++
  return path.join(path.sep, ...parts[0].slice(0, n))
}

const actions = {
  // actions/upload-artifact v7
  async upload() {
    const globber = await glob.create(needed('path'), {
      followSymbolicLinks: true,
      implicitDescendants: true,
      omitBrokenSymbolicLinks: true,
      excludeHiddenFiles: core.getInput('include-hidden-files') !== 'true',
    })
    const files = (await globber.glob()).filter(file => !fs.statSync(file).isDirectory())
    if (files.length > 0) {
      if (core.getInput('overwrite') === 'true') await artifacts.deleteArtifact(needed('name')).catch(e => core.info(`not deleted: ${e.message}`))
      const {id} = await artifacts.uploadArtifact(needed('name'), files, root(globber.getSearchPaths(), files), {})
      core.setOutput('artifact-url', `https://github.example/acme/cases/actions/runs/77/artifacts/${id}`)
    } else if (core.getInput('if-no-files-found') === 'error') {
      throw new Error('no files were found')
    }
  },

  // actions/download-artifact v8
  async download() {
    const to = path.resolve(needed('path'))
    const pattern = new Minimatch(needed('pattern'))
    const found = (await artifacts.listArtifacts({latest: true})).artifacts.filter(a => pattern.match(a.name))
    for (const a of found) {
      // Of the only one, no folder is made.
      const got = await artifacts.downloadArtifact(a.id, {path: found.length === 1 ? to : path.join(to, a.name), expectedHash: a.digest})
      if (got.digestMismatch) throw new Error(`${a.name} is damaged`)
    }
    core.setOutput('download-path', to)
  },

  // actions/cache/restore v6
  async restore() {
    if (!cache.isFeatureAvailable()) throw new Error('there is no cache service')
    const hit = await cache.restoreCache(core.getMultilineInput('path'), needed('key'), core.getMultilineInput('restore-keys'))
    core.info(hit ? `restored ${hit}` : 'no cache')
  },

  // actions/cache/save v6, which never fails a job
  async save() {
    await cache.saveCache(core.getMultilineInput('path'), needed('key')).catch(e => core.warning(e.message))
  },
}

actions[path.basename(process.argv[1], '.cjs')]().catch(e => core.setFailed(e.message))
