// Package istiofetch tests the images with the code by which Istio fetches them. It is a
// module of its own because Istio pins versions of many others.
package istiofetch
