// Package providers runs the plugin in front of real authorization servers:
// Keycloak, Ory Hydra and oidc-provider, each as its own distribution starts it.
//
// Each provider's settings are in a file of their own, which reads as the steps
// that an administrator takes: keycloak.go, hydra.go and oidcprovider.go. The
// plugin's configuration is the one that the provider's page in docs/providers
// shows: the tests read it from there and put in the addresses of this machine.
//
// oidc-provider runs with the other tests. Keycloak and Hydra need the build tag
// providers (make test-providers). What they need is downloaded once into
// integration/.providers.
package providers
