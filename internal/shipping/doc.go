// Package shipping holds, in tests, what ships this program: the image, the
// workflows of this repository and of its docs, and the script that publishes a
// release.
package shipping
