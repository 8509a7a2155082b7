/* SPDX-License-Identifier: Apache-2.0
 *
 * A PAM module that does what a bad one does. Its argument says what:
 * rename, crash, print, ask, endless, hang, talk, binary. */
#define _GNU_SOURCE
#include <security/pam_modules.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *what = argc > 0 ? argv[0] : "";
	char *answer = NULL;
	int i;

	(void)flags;
	if (!strcmp(what, "rename")) {
		pam_set_item(pamh, PAM_USER, "root");
	} else if (!strcmp(what, "crash")) {
		*(volatile int *)0 = 1;
	} else if (!strcmp(what, "print")) {
		printf("V\n{\"ok\":true}");
		fflush(stdout);
		for (i = 0; i < 3; i++)
			if (write(i, "V\0\2{}", 5) < 0)
				continue;
		if (read(0, &i, 1) > 0)
			return PAM_AUTH_ERR;
	} else if (!strcmp(what, "ask")) {
		fprintf(stderr, "hostile: asking\n");
		if (pam_prompt(pamh, PAM_PROMPT_ECHO_ON, &answer, "and? ") != PAM_SUCCESS)
			return PAM_CONV_ERR;
	} else if (!strcmp(what, "endless")) {
		for (i = 0; i < 1000; i++)
			if (pam_prompt(pamh, PAM_PROMPT_ECHO_ON, &answer, "again (%d)? ", i) != PAM_SUCCESS)
				return PAM_CONV_ERR;
	} else if (!strcmp(what, "talk")) {
		char *text = malloc(100000);
		memset(text, 'x', 100000 - 1);
		text[100000 - 1] = 0;
		for (i = 0; i < 1000; i++)
			pam_prompt(pamh, PAM_TEXT_INFO, NULL, "\033[2J%d \377 %s", i, text);
		free(text);
	} else if (!strcmp(what, "hang")) {
		for (;;)
			pause();
	} else if (!strcmp(what, "binary")) {
		return pam_prompt(pamh, 7, &answer, "x");
	}
	return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}
