// Package wine runs the gate and its tests for Windows where there is no Windows. Its tests run in `.ci/run windows`.
package wine
