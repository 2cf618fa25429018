// Package action holds the tests of the GitHub Action as a whole: action.yml, its
// script, its docs, and runs under a real workflow runner.
package action
