package main

import "mcpauth/jwtlite"

// A probe is a token with a valid signature by the only key of keySet.
type probe struct {
	algorithm jwtlite.Algorithm
	keySet    string
	token     string
}

// probeRSA is the key of RFC 7515, appendix A.2.
const probeRSA = `{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}`

// probes are the examples of RFC 7515, appendices A.2 and A.3, and the same claims signed
// with other algorithms. There are probes for the algorithms that a host may verify.
var probes = []probe{
	{
		algorithm: jwtlite.RS256,
		keySet:    probeRSA,
		token: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5R" +
			"Zmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrn" +
			"byTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHW" +
			"EsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig" +
			"cN_IoypGlUPQGe77Rw",
	},
	{
		algorithm: jwtlite.RS384,
		keySet:    probeRSA,
		token: "eyJhbGciOiJSUzM4NCJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.UqgNjrJOGhk4wfoSG6Uvrt9GcKu-TgPwInExALrMBadg1pol1uTw7mZADTdd" +
			"AWsC6ZzdFiTFUmIi7DuD38ftLAZoW4qezdAO7RYf1yZDsbT20bt8DJJN1I4VovL2PLg80B6x6ug-kaW8k5LaM5ce" +
			"0dk1zgWhjafKC3Mb4UNLL8f9fqVMkHpdWYRjF6QjTz12Ap-gq-tPyUoWSdvzCIYOcZ9-08SQQdUTTgsNF1Qwu3Tq" +
			"eWPqzNJwmWHiHMmaV8I4ktMFEX-AiEBa55KsfYTx0jSbTHP-odqmnLQJ4n-oQJ2RSXy0HQP6BkdiwDHdoMUk4z_w" +
			"AeOsfDTs_mLxTgOInQ",
	},
	{
		algorithm: jwtlite.RS512,
		keySet:    probeRSA,
		token: "eyJhbGciOiJSUzUxMiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.ZatQfsb2gyCu3y9cDuz59a-IKm4bkqtT0HuT8BpNlPCmA3Y2eH91CVSI0Tbk" +
			"PqI9v2jaXuWvPcoJGNRtTpUXafTAbqzxWSMjqx8SkJRTuUz6imaHBctra42j2AvJ1t7qJwf2NN49y9PZbkYn3ejh" +
			"U-iCmKJ3J-_GLsYp5VlximYm-o3sMul0tyCMvHUdmuWvadnVEaio-jix3pXYWfyFC8tp19zZrTaofxTAzCqlqund" +
			"x22tfsuqchto_zVnZk_ZBr1R5lr29Qle5JgLmRkfDNbVSQZFdwg6mSlODL8BrOiM_vreMaPCO8U_JGezKUob0ONv" +
			"7DA7XDfpbaXaFsHipQ",
	},
	{
		algorithm: jwtlite.ES256,
		keySet:    `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		token: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8I" +
			"SlSApmWQxfKTUJqPP3-Kg6NU1Q",
	},
	{
		algorithm: jwtlite.ES384,
		keySet:    `{"keys":[{"kty":"EC","crv":"P-384","x":"AnaJBcgfOhIJQzK5EI2FHCzJsJzhdzgv9hlYvw5omIESbWJNU4_7JFUZUynXFDh-","y":"avTTlKsRsGc_l54qBk1_TIfPVgfwjxhLQZZhhq-1-nfLnt-SAnS-BejP_hwOx88i"}]}`,
		token: "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.ab2DAUMHTz269AFIn-2sLgnhvm2ZVikKW8WFxoBQ1kI55GOopBHGJLxEytSP" +
			"_by-ui4anM00FNuf69NIqqSReuIThuB-cAKpq7Z21Ip-9YY_5P3V7W109-eRv6bvsc0o",
	},
	{
		algorithm: jwtlite.ES512,
		keySet:    `{"keys":[{"kty":"EC","crv":"P-521","x":"AZE6zScp5m5Vct6x5URJDORbkOjUr5EpcWLH2IHBG4DJFRuGyjrgNtBY2yjDk8XBciMlmV0f0p_O9quG6m-Tav4u","y":"AXEV_-YTAIMcveUQFTQ1RJ7fG_eK_0FLeZnmRcvg3OBsJ90FWMxNcij-TMEfKRnY7KLXhY98SRFmxnpusIWyk33S"}]}`,
		token: "eyJhbGciOiJFUzUxMiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" +
			"lLmNvbS9pc19yb290Ijp0cnVlfQ.ACdjH5YPXZYwAFzHABCLpumGomjiCgn2DymV35jvhqWpNx-AQOHiwesq_00p" +
			"khh8axTreWfRmfjA9JwBhextvCVxACDVrNiqkjwjn3Gwn3iG4vRr_RNTbi6DAxSMjd_N4DIA8QZBnDhrXEoQjbr3" +
			"UMV3LWBUQv4fusBZkrmQkU5EU52F",
	},
}
